package front

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/ClickHouse/ch-go/compress"

	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/chdb"
)

// readBuffer is the step in which compressed blocks are taken apart, in bytes.
const readBuffer = 64 << 10

// readBody reads and decompresses a request's body.
func (h *Handler) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(h.cfg.BodyTimeout)); err != nil {
		return nil, fmt.Errorf("set read deadline: %w", err)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.cfg.MaxBody))
	if err != nil {
		return nil, bodyError(err, h.cfg.MaxBody)
	}
	if err := control.SetReadDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("clear read deadline: %w", err)
	}
	if body, err = h.inflate(r.Header.Get("Content-Encoding"), body); err != nil {
		return nil, err
	}
	if !isTrue(r.URL.Query().Get("decompress")) {
		return body, nil
	}
	return readBlocks(body, h.cfg.MaxBody)
}

// inflate undoes the content encoding.
func (h *Handler) inflate(encoding string, body []byte) ([]byte, error) {
	switch encoding {
	case "":
		return body, nil
	case "gzip":
		reader, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, cannotDecompress(err)
		}
		plain, err := io.ReadAll(io.LimitReader(reader, h.cfg.MaxBody+1))
		if err != nil {
			return nil, cannotDecompress(err)
		}
		if int64(len(plain)) > h.cfg.MaxBody {
			return nil, tooLarge(h.cfg.MaxBody)
		}
		return plain, nil
	default:
		return nil, chdb.NewError(chdb.CodeNotImplemented, "NOT_IMPLEMENTED", "The embedded engine does not serve this Content-Encoding; use gzip, LZ4 or ZSTD")
	}
}

// readBlocks takes ClickHouse's own compressed blocks apart. The body must end where a block ends.
func readBlocks(body []byte, limit int64) ([]byte, error) {
	source := bytes.NewReader(body)
	blocks := compress.NewReader(source)
	plain := make([]byte, 0, max(len(body), readBuffer))
	for {
		atEnd := source.Len() == 0
		plain = grow(plain)
		n, err := blocks.Read(plain[len(plain):cap(plain)])
		plain = plain[:len(plain)+n]
		switch {
		case int64(len(plain)) > limit:
			return nil, tooLarge(limit)
		case err == nil:
		case atEnd && errors.Is(err, io.EOF):
			return plain, nil
		default:
			return nil, cannotDecompress(err)
		}
	}
}

// grow makes room for at least one more step.
func grow(b []byte) []byte {
	if cap(b)-len(b) >= readBuffer {
		return b
	}
	return append(make([]byte, 0, 2*cap(b)), b...)
}

func bodyError(err error, limit int64) error {
	var tooMany *http.MaxBytesError
	if errors.As(err, &tooMany) {
		return tooLarge(limit)
	}
	return chdb.NewError(chdb.CodeCannotReadAllData, "CANNOT_READ_ALL_DATA", "Cannot read the request's body: "+err.Error())
}

func cannotDecompress(err error) error {
	return chdb.NewError(chdb.CodeCannotDecompress, "CANNOT_DECOMPRESS", "Cannot decompress the request's body: "+err.Error())
}

func tooLarge(limit int64) error {
	return chdb.NewError(chdb.CodeQueryIsTooLarge, "QUERY_IS_TOO_LARGE", fmt.Sprintf("The request's body is larger than %d bytes", limit))
}

func isTrue(v string) bool { return v == "1" || v == "true" }
