package simulate

import (
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Request is a request as the log has it.
type Request struct {
	ID        events.RequestID
	Tenant    events.TenantID
	Principal events.Principal
	Endpoint  string
	At        time.Time // of admission
	Decision  events.Decision
	Estimate  events.Charge
	Attempts  []Attempt // in their order
	Billed    int64     // nano-USD, corrections included
	Unpriced  int64     // records without a price
}

// Attempt is one vendor call that was made.
type Attempt struct {
	Target   events.Target
	Failed   bool
	Final    bool         // it failed and no other target was to be asked, as when the client had part of the answer
	Usage    events.Usage // corrections included
	Recorded bool         // usage was recorded
}

// answer is the attempt whose usage says how large the answer was, nil if none was.
func (r *Request) answer() *Attempt {
	for i := len(r.Attempts) - 1; i >= 0; i-- {
		if r.Attempts[i].Recorded {
			return &r.Attempts[i]
		}
	}
	return nil
}

// went is whom it went to in the end; zero: nobody.
func (r *Request) went() events.Target {
	if len(r.Attempts) == 0 {
		return events.Target{}
	}
	if last := r.Attempts[len(r.Attempts)-1]; !last.Failed || last.Final {
		return last.Target
	}
	return events.Target{}
}

// Choice is what became of one request in the draft.
type Choice struct {
	Request events.RequestID `json:"request"`
	Was     events.Target    `json:"was"`               // whom it went to in the end; empty: nobody
	Would   events.Target    `json:"would"`             // whom it would go to; empty: nobody
	Refused string           `json:"refused,omitempty"` // why it would be refused, in the world of most tokens
	Exact   bool             `json:"exact"`             // the cost is the recorded usage at the draft's prices
	Billed  int64            `json:"billed_nano_usd"`
	Least   int64            `json:"least_nano_usd"`
	Most    int64            `json:"most_nano_usd"`
	// Unpriced: the draft has no price for some of it.
	Unpriced bool `json:"unpriced,omitempty"`
}
