package front

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/chdb"
)

// exceptionTagLength is the length in bytes of the tag by which a client tells an exception in mid-stream from data.
const exceptionTagLength = 16

const contentTypeText = "text/plain; charset=UTF-8"

// contentType is the media type of an output format.
func contentType(format string) string {
	switch format {
	case formatNative, "RowBinary", "Parquet":
		return "application/octet-stream"
	case "JSON", "JSONCompact":
		return "application/json; charset=UTF-8"
	case "JSONEachRow", "JSONCompactEachRow", "JSONLines", "NDJSON":
		return "application/x-ndjson; charset=UTF-8"
	case "CSV", "CSVWithNames":
		return "text/csv; charset=UTF-8"
	default:
		return contentTypeText
	}
}

// response writes an answer. The status line is held back until the first byte of the result, so that an exception before
// it still becomes a status.
type response struct {
	w        http.ResponseWriter
	identity identity
	queryID  string
	format   string
	encoding encoding
	body     io.WriteCloser // nil until the first byte
	tag      string
}

// prepare takes over what the request says about its answer.
func (res *response) prepare(req *request) {
	res.format, res.encoding = req.outputFormat, req.answer
}

// Write sends a part of the result.
func (res *response) Write(p []byte) (int, error) {
	if res.body == nil {
		if err := res.begin(http.StatusOK, contentType(res.format)); err != nil {
			return 0, err
		}
	}
	return res.body.Write(p)
}

func (res *response) begin(status int, mediaType string) error {
	header := res.w.Header()
	header.Set("Content-Type", mediaType)
	header.Set("X-ClickHouse-Server-Display-Name", res.identity.displayName)
	header.Set("X-ClickHouse-Timezone", res.identity.timezone)
	if res.format != "" {
		header.Set("X-ClickHouse-Format", res.format)
	}
	if res.queryID != "" {
		header.Set("X-ClickHouse-Query-Id", res.queryID)
	}
	res.tag = rand.Text()[:exceptionTagLength]
	header.Set("X-ClickHouse-Exception-Tag", res.tag)
	if name := res.encoding.contentEncoding(); name != "" {
		header.Set("Content-Encoding", name)
	}
	body, err := res.encoding.writer(res.w)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	res.body = body
	res.w.WriteHeader(status)
	return nil
}

// finish ends a good answer; one without a result has an empty body.
func (res *response) finish() {
	if res.body == nil {
		res.encoding = encodingNone
		if res.begin(http.StatusOK, contentTypeText) != nil {
			return
		}
	}
	_ = res.body.Close() // fails only where the client is gone
}

// fail answers with an exception: by status as long as nothing was sent, else framed at the end of the result.
func (res *response) fail(e *chdb.Error) {
	text := textOf(e, res.identity.version)
	if res.body != nil {
		res.failMidStream(text)
		return
	}
	res.w.Header().Set("X-ClickHouse-Exception-Code", strconv.Itoa(e.Code))
	if err := res.begin(statusOf(e), contentTypeText); err != nil {
		return
	}
	_, _ = io.WriteString(res.body, text+"\n")
	_ = res.body.Close()
}

// failMidStream frames the exception as a server does. In blocks of ClickHouse's own compression it stands uncompressed,
// because drivers look for it in the raw stream.
func (res *response) failMidStream(text string) {
	const marker = "__exception__"
	out := io.Writer(res.body)
	if res.encoding.isBlocks() {
		out = res.w
	}
	_, _ = fmt.Fprintf(out, "\r\n%s\r\n%s\r\n%s\n%d %s\r\n%s\r\n", marker, res.tag, text, len(text), res.tag, marker)
	_ = res.body.Close()
}
