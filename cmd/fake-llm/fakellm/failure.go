package fakellm

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// reason tells failures of one status apart.
type reason int

const (
	reasonStatus  reason = iota // what the status says
	reasonInvalid               // the request is wrong; message and param say where
	reasonNoKey
	reasonBadKey
	reasonContext
	reasonNoRoute
	reasonFiltered  // Azure's filter refuses the prompt
	reasonSignature // a signed request is not signed well; message says how
)

// Figures of the context length error.
const (
	contextLimit = 8192
	contextAsked = 9001
)

// overloaded is Anthropic's status for having no capacity.
const overloaded = 529

// A failure is an error answer, without its dialect.
type failure struct {
	status    int
	reason    reason
	message   string // replaces the dialect's own when not empty
	param     string
	code      string        // replaces the dialect's own when not empty
	key       string        // the key that was refused
	after     time.Duration // 0 for no Retry-After
	afterDate bool
}

// invalid is a 400 about one field of the request.
func invalid(param, format string, args ...any) *failure {
	return &failure{
		status: http.StatusBadRequest, reason: reasonInvalid,
		message: fmt.Sprintf(format, args...), param: param,
	}
}

// setRetryAfter writes the header of the vendors that send one.
func (f *failure) setRetryAfter(h http.Header) {
	if f.after <= 0 {
		return
	}
	value := strconv.FormatInt(int64(f.after/time.Second), 10)
	if f.afterDate {
		value = time.Now().Add(f.after).UTC().Format(http.TimeFormat)
	}
	h.Set("Retry-After", value)
}

// sameStatus is the HTTP status of the vendors whose refusals of keys are 401.
func sameStatus(f *failure) int { return f.status }

// statusText is a message for any status.
func statusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "HTTP status " + strconv.Itoa(status)
}

const htmlError = `<!DOCTYPE html>
<html>
<head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body>
</html>
`
