package call

import (
	"net/http"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// Admitter keeps the limits of ours.
type Admitter interface {
	// Reserve takes the estimate from every limit that the request falls under. A
	// refusal is a *gateway.Error whose Detail is the [events.Limit] that refused.
	Reserve(a Admission) (Reservation, error)
}

// Admission is what limits are asked about.
type Admission struct {
	Catalog   *control.Catalog
	Key       *control.Key
	Principal events.Principal
	Estimate  events.Charge
	At        time.Time // of admission, in the time zone that windows are counted in
}

// Reservation is what a request has taken from its limits.
type Reservation interface {
	// Describe sets the headers that tell the client what its limits leave.
	Describe(h http.Header)
	// Settle puts what was used in the place of the estimate. It is called exactly once.
	Settle(used events.Charge)
}
