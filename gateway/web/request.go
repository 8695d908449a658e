package web

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
)

// Headers about the identity of a request.
const (
	HeaderRequestID       = "X-Request-Id"        // ours
	HeaderClientRequestID = "X-Client-Request-Id" // the client's own, given back
	headerAnthropicID     = "Request-Id"          // ours, where Anthropic's clients look for it
)

// readTimeout bounds the reading of a whole body.
const readTimeout = 60 * time.Second

// RequestID is the id of the request c serves.
func RequestID(c echo.Context) events.RequestID {
	return events.RequestID(c.Response().Header().Get(HeaderRequestID))
}

// identify gives the request its id, and the client its own back.
func identify(h http.Header, r *http.Request) {
	h.Set(HeaderRequestID, string(newRequestID(time.Now())))
	if theirs := r.Header.Get(HeaderRequestID); sane(theirs) {
		h.Set(HeaderClientRequestID, theirs)
	}
}

// sane tells whether a client's id may be given back.
func sane(id string) bool {
	const longest = 128
	odd := func(r rune) bool { return r <= ' ' || r > '~' }
	return id != "" && len(id) <= longest && !strings.ContainsFunc(id, odd)
}

// newRequestID mints a UUIDv7 for a request that came at now. It takes no lock.
func newRequestID(now time.Time) events.RequestID {
	var b [16]byte
	_, _ = rand.Read(b[6:]) // never fails
	ms := uint64(now.UnixMilli())
	binary.BigEndian.PutUint16(b[:2], uint16(ms>>32))
	binary.BigEndian.PutUint32(b[2:6], uint32(ms))
	b[6] = b[6]&0x0f | 0x70 // version 7
	b[8] = b[8]&0x3f | 0x80 // variant
	text := make([]byte, 0, 36)
	for i, part := range [][]byte{b[:4], b[4:6], b[6:8], b[8:10], b[10:]} {
		if i > 0 {
			text = append(text, '-')
		}
		text = hex.AppendEncode(text, part)
	}
	return events.RequestID(text)
}

// ReadJSON reads the whole body of c, which must say that it is JSON or say
// nothing, and must not be compressed. The bytes are the caller's for good.
func ReadJSON(c echo.Context) ([]byte, error) {
	r := c.Request()
	if kind := r.Header.Get("Content-Type"); kind != "" {
		media, _, err := mime.ParseMediaType(kind)
		patch := r.Method == http.MethodPatch && media == "application/merge-patch+json" // RFC 7396
		if err != nil || media != "application/json" && !patch {
			return nil, &gateway.Error{
				Kind: gateway.Invalid, Code: "unsupported_content_type", Public: "The Content-Type must be application/json.",
			}
		}
	}
	if err := uncompressed(r); err != nil {
		return nil, err
	}
	rc := http.NewResponseController(c.Response())
	_ = rc.SetReadDeadline(time.Now().Add(readTimeout)) // a request without a connection needs none
	body, err := readAll(r)
	_ = rc.SetReadDeadline(time.Time{}) // else the wait for the client's end would end with it
	return body, err
}

// uncompressed refuses a body that is.
func uncompressed(r *http.Request) error {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return &gateway.Error{
			Kind: gateway.Invalid, Code: "unsupported_content_encoding", Public: "The request body must not be compressed.",
		}
	}
	return nil
}

// readAll reads into memory of the right size, if the client tells it. The
// memory is not reused: a vendor may still be reading it after the answer.
func readAll(r *http.Request) ([]byte, error) {
	const unknown = 4 << 10
	size := unknown
	if n := r.ContentLength; n >= 0 && n <= DefaultMaxBody {
		size = int(n) + 1 // room to find the end
	}
	body := make([]byte, 0, size)
	for {
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return nil, unreadable(err)
		case len(body) == cap(body):
			body = append(body, 0)[:len(body)]
		}
	}
}

// unreadable is the error of a body that could not be read.
func unreadable(err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &gateway.Error{
			Kind: gateway.TooLarge, Public: fmt.Sprintf("The request body has more than %d bytes.", tooLarge.Limit), Cause: err,
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &gateway.Error{
			Kind: gateway.Invalid, Code: "request_timeout", Public: fmt.Sprintf("The request body took longer than %s.", readTimeout), Cause: err,
		}
	}
	return &gateway.Error{Kind: gateway.Invalid, Public: "The request body could not be read.", Cause: err}
}
