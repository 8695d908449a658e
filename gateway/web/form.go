package web

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider/form"
)

// How long the client of a form may take.
const (
	formIdle = 30 * time.Second // without a byte
	formTime = 10 * time.Minute // for all
)

// IsForm tells whether the body of c says that it is a form.
func IsForm(c echo.Context) bool {
	media, _, err := mime.ParseMediaType(c.Request().Header.Get("Content-Type"))
	return err == nil && media == "multipart/form-data"
}

// ReadForm reads the body of c, which must be a form, into a store. The form must be
// closed.
func ReadForm(c echo.Context, s *form.Store) (*form.Form, error) {
	r := c.Request()
	if err := uncompressed(r); err != nil {
		return nil, err
	}
	rc := http.NewResponseController(c.Response())
	f, err := s.Read(&patient{r: r.Body, rc: rc, ends: time.Now().Add(formTime)}, r.Header.Get("Content-Type"))
	_ = rc.SetReadDeadline(time.Time{}) // else the wait for the client's end would end with it
	if err == nil {
		return f, nil
	}
	if bad, ok := errors.AsType[*form.MalformedError](err); ok {
		return nil, &gateway.Error{
			Kind: gateway.Invalid, Code: "invalid_form", Public: fmt.Sprintf("The request body is no valid form: %s.", bad.Reason),
		}
	}
	if errors.Is(err, form.ErrFull) {
		return nil, &gateway.Error{
			Kind: gateway.Unavailable, Public: "The gateway takes in too many files at the moment.", RetryAfter: time.Second, Cause: err,
		}
	}
	return nil, unreadable(err)
}

// patient gives a client time as long as bytes come.
type patient struct {
	r    io.Reader
	rc   *http.ResponseController
	ends time.Time
	set  time.Time // the deadline set last
}

func (p *patient) Read(b []byte) (int, error) {
	const exact = time.Second
	until := time.Now().Add(formIdle)
	if until.After(p.ends) {
		until = p.ends
	}
	if until.Sub(p.set) > exact {
		_ = p.rc.SetReadDeadline(until) // a request without a connection needs none
		p.set = until
	}
	return p.r.Read(b)
}
