package front

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
)

// encoding is how an answer is compressed.
type encoding int

const (
	encodingNone encoding = iota
	encodingLZ4           // ClickHouse's own blocks
	encodingZSTD          // ClickHouse's own blocks
	encodingGzip          // HTTP content encoding
)

// blockSize is how many bytes of a result go into one compressed block.
const blockSize = 1 << 20

// answerEncoding finds what the client asked for.
func answerEncoding(query url.Values, header http.Header) encoding {
	switch {
	case isTrue(query.Get("compress")) && strings.EqualFold(query.Get("network_compression_method"), "ZSTD"):
		return encodingZSTD
	case isTrue(query.Get("compress")):
		return encodingLZ4
	case isTrue(query.Get("enable_http_compression")) && strings.Contains(header.Get("Accept-Encoding"), "gzip"):
		return encodingGzip
	default:
		return encodingNone
	}
}

func (e encoding) isBlocks() bool { return e == encodingLZ4 || e == encodingZSTD }

func (e encoding) contentEncoding() string {
	if e == encodingGzip {
		return "gzip"
	}
	return ""
}

// writer compresses into w; closing it ends the encoding, not w.
func (e encoding) writer(w io.Writer) (io.WriteCloser, error) {
	switch e {
	case encodingLZ4:
		return &blockWriter{w: w, block: compress.NewWriter(compress.LevelZero, compress.LZ4)}, nil
	case encodingZSTD:
		return &blockWriter{w: w, block: compress.NewWriter(compress.LevelZero, compress.ZSTD)}, nil
	case encodingGzip:
		return gzip.NewWriterLevel(w, gzip.BestSpeed)
	default:
		return plainWriter{w}, nil
	}
}

type plainWriter struct{ io.Writer }

func (plainWriter) Close() error { return nil }

// blockWriter writes ClickHouse's compressed blocks.
type blockWriter struct {
	w     io.Writer
	block *compress.Writer
}

func (b *blockWriter) Write(p []byte) (int, error) {
	for done := 0; done < len(p); {
		n := min(len(p)-done, blockSize)
		if err := b.block.Compress(p[done : done+n]); err != nil {
			return done, err
		}
		if _, err := b.w.Write(b.block.Data); err != nil {
			return done, err
		}
		done += n
	}
	return len(p), nil
}

func (b *blockWriter) Close() error { return nil }
