package admin

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// backup streams a backup, not encrypted. When it breaks off the connection does, too;
// and a backup without its end is none.
func (a *API) backup(c echo.Context) error {
	if err := newParams(c).done(); err != nil {
		return err
	}
	if a.cfg.Backup == nil {
		return absent("The backup")
	}
	w := &fileWriter{c: c, kind: "application/x-tar", name: "llm-hub.tar"}
	err := a.cfg.Backup(c.Request().Context(), w)
	if err != nil && w.begun {
		_ = http.NewResponseController(c.Response()).SetWriteDeadline(time.Unix(1, 0)) // a writer without a connection has nothing to break
	}
	return err
}
