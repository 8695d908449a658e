package events

// AlertName says what an alert is about.
type AlertName string

// The alerts.
const (
	LimitAlert    AlertName = "limit"          // a scope has used 50, 80 or 100 % of a limit
	UnpricedAlert AlertName = "unpriced_model" // usage was booked whose price is unknown
	DriftAlert    AlertName = "drift"          // verification found a difference
	LagAlert      AlertName = "lag"            // a fold is too far behind the log
	DeadAlert     AlertName = "dead_letter"    // an event could not be applied
)

// AlertRaised is one alert, raised once per id. It says what happened, not whom
// to tell: whoever delivers it follows the stream of alerts.
type AlertRaised struct {
	Name    AlertName `json:"name"`
	Subject string    `json:"subject"`           // what it is about: `key acme/ci`, `openai/gpt-x`, `counters`
	Text    string    `json:"text"`              // one line for people, ids and numbers only
	Percent int       `json:"percent,omitempty"` // of a limit: 50, 80 or 100
	Limit   *Limit    `json:"limit,omitempty"`   // of a limit: how it stands
	Window  string    `json:"window,omitempty"`  // of a limit: label of the window, empty for life
}

// Kind implements [Body].
func (AlertRaised) Kind() Kind { return AlertRaisedKind }
