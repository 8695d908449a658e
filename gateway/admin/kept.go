package admin

import (
	"io"
	"time"

	"github.com/labstack/echo/v4"
)

// KeptSinceHeader says of an answer, or of a file, that it has nothing of before an
// instant, in RFC 3339, although that was asked for: the tables have let go of it.
const KeptSinceHeader = "X-Llmhub-Kept-Since"

// File is where an export goes.
type File interface {
	io.Writer
	// KeptSince says, before the first byte, that nothing of before is in the file; the
	// zero time says nothing.
	KeptSince(t time.Time)
}

// sayKept sets [KeptSinceHeader].
func sayKept(c echo.Context, since time.Time) {
	if !since.IsZero() {
		c.Response().Header().Set(KeptSinceHeader, since.UTC().Format(time.RFC3339))
	}
}
