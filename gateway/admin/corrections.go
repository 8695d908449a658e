package admin

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// CorrectionOrder asks for the usage of one attempt to be corrected: what is to be
// added to what was recorded.
type CorrectionOrder struct {
	Tenant  events.TenantID  `json:"tenant"`
	Request events.RequestID `json:"request"`
	Attempt int              `json:"attempt"` // 1-based
	// N numbers the corrections of the attempt from 1. The order with a number that
	// the log has already is done: so one can be repeated. 0: the next.
	N      int           `json:"n,omitempty"`
	Reason string        `json:"reason"` // a word like vendor_invoice
	Delta  events.Charge `json:"delta"`  // negative takes away
}

// Correction says what became of an order.
type Correction struct {
	Event events.ID `json:"event"`
	Seq   uint64    `json:"seq"`            // of the log
	Done  bool      `json:"done,omitempty"` // the log had it already
}

func (a *API) correct(c echo.Context) error {
	if err := newParams(c).done(); err != nil {
		return err
	}
	body, err := web.ReadJSON(c)
	if err != nil {
		return err
	}
	var order CorrectionOrder
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(&order); err != nil {
		return &gateway.Error{Kind: gateway.Invalid, Public: "The body is not a correction: " + strings.TrimPrefix(err.Error(), "json: ") + ".", Cause: err}
	}
	if a.cfg.Correct == nil {
		return absent("Correcting usage")
	}
	done, err := a.cfg.Correct(c.Request().Context(), order)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, done)
}
