package admin

import (
	"bufio"
	"encoding/json"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway"
)

// flushEvery is how long a line of a long answer may wait for others.
const flushEvery = 250 * time.Millisecond

// bufferSize of a long answer, in bytes.
const bufferSize = 64 << 10

// lineWriter writes newline-delimited JSON. Its header leaves with the first
// line, so that what fails before is an error with a status of its own.
type lineWriter struct {
	c       echo.Context
	rc      *http.ResponseController
	buf     *bufio.Writer
	flushed time.Time
	begun   bool
	watch   *watch // nil: whoever may begin may get all
}

func newLineWriter(c echo.Context) *lineWriter {
	return &lineWriter{c: c, rc: http.NewResponseController(c.Response()), buf: bufio.NewWriterSize(c.Response(), bufferSize)}
}

func (w *lineWriter) begin() {
	if !w.begun {
		w.begun = true
		w.c.Response().Header().Set("Content-Type", lineMedia)
		w.c.Response().WriteHeader(http.StatusOK)
	}
}

// line writes one line; lines that come fast leave together.
func (w *lineWriter) line(b []byte) error {
	if err := w.watch.check(); err != nil {
		return err
	}
	w.begin()
	if _, err := w.buf.Write(b); err != nil {
		return err
	}
	if err := w.buf.WriteByte('\n'); err != nil {
		return err
	}
	if time.Since(w.flushed) < flushEvery {
		return nil
	}
	return w.flush()
}

func (w *lineWriter) flush() error {
	w.flushed = time.Now()
	if err := w.buf.Flush(); err != nil {
		return err
	}
	return w.rc.Flush()
}

// member writes one line, an object with one member.
func (w *lineWriter) member(name string, v any) error {
	b, err := json.Marshal(map[string]any{name: v})
	if err != nil {
		return err
	}
	if err := w.line(b); err != nil {
		return err
	}
	return w.flush()
}

// end closes the answer. What went wrong after its first line is its last one.
func (w *lineWriter) end(err error) error {
	if err == nil {
		w.begin()
		return w.flush()
	}
	if !w.begun {
		return err
	}
	e := gateway.AsError(err)
	_ = w.member("error", map[string]string{"code": string(e.Kind), "detail": e.Public}) // a client that is gone misses nothing
	return err
}
