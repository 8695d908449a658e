package events

import (
	"strings"
	"time"
)

// Who a request is made for. Every id is unique within its tenant, but for the
// logical model, which is global.
type Principal struct {
	User  string `json:"user,omitempty"`
	Team  string `json:"team,omitempty"`
	Key   string `json:"key"`
	Model string `json:"model"` // logical model as configured
	// Tags are those of the key, sorted, with commas between them: so two principals can
	// be compared.
	Tags string `json:"tags,omitempty"`
}

// TagList are the tags; one that is empty where there is none.
func (p Principal) TagList() []string { return strings.Split(p.Tags, ",") }

// Target is where an attempt goes.
type Target struct {
	Provider   string `json:"provider"`
	Credential string `json:"credential"`
	Model      string `json:"model"` // the vendor's name of the model
}

// Charge is an amount of usage and its price.
type Charge struct {
	Usage        Usage       `json:"usage"`
	CostNanoUSD  *int64      `json:"cost_nano_usd"` // null when the price is unknown
	PriceVersion string      `json:"price_version,omitempty"`
	Lines        []PriceLine `json:"lines,omitempty"` // how the cost came about; their costs add up to it
}

// RequestAdmitted opens a request: it has passed authentication and limits, and
// a vendor is about to be called.
type RequestAdmitted struct {
	Principal
	Endpoint string   `json:"endpoint"` // chat.completions
	Stream   bool     `json:"stream"`
	Estimate Charge   `json:"estimate"` // what is reserved: estimated input, capped output
	Decision Decision `json:"decision"`
}

// Decision is the record of one routing decision: enough to take it again.
type Decision struct {
	Catalog  string    `json:"catalog"` // version of the catalog decided on
	Strategy string    `json:"strategy"`
	Seed     uint64    `json:"seed"`
	Plan     []Target  `json:"plan"`              // in the order they are tried
	Skipped  []Skipped `json:"skipped,omitempty"` // candidates left out
}

// Skipped is a candidate the router left out, and why.
type Skipped struct {
	Target
	Reason string    `json:"reason"` // cooldown, disabled, forced, headroom, unable, elsewhere
	Until  time.Time `json:"until,omitzero"`
}

// RequestRejected is a refusal before any vendor was called.
type RequestRejected struct {
	Principal
	Endpoint string `json:"endpoint"`
	Reason   string `json:"reason"`           // limit, model_not_allowed, endpoint_not_allowed, unknown_model, overloaded, unable, kept_elsewhere
	Status   int    `json:"status,omitempty"` // HTTP status given to the client; 0 in what was written before it was told
	Limit    *Limit `json:"limit,omitempty"`
	Count    int    `json:"count"` // refusals this event stands for, at least 1
}

// Limit tells which limit refused a request.
type Limit struct {
	Scope   string    `json:"scope"`             // tenant, team, user, key, tenant_model, model, credential
	Per     string    `json:"per"`               // minute, hour, day, week, month, life
	Of      string    `json:"of"`                // requests, tokens, input_tokens, output_tokens, cost
	Max     int64     `json:"max"`               // in units of Of; cost in nano-USD
	Used    int64     `json:"used"`              // same unit
	ResetAt time.Time `json:"reset_at,omitzero"` // zero: never
}

// Name says which limit it is, as in "tenant cost per month".
func (l Limit) Name() string { return l.Scope + " " + l.Of + " per " + l.Per }

// Outcome is how a request ended.
type Outcome string

// The outcomes of a request.
const (
	Completed Outcome = "completed" // the vendor's answer was delivered, or could have been
	Failed    Outcome = "failed"    // no vendor gave a whole answer
	Cancelled Outcome = "cancelled" // the client went away
	Orphaned  Outcome = "orphaned"  // the node died
	Rejected  Outcome = "rejected"  // refused before any vendor was called
)

// RequestFinished closes a request. Exactly one end closes each admitted
// request: this or [RequestOrphaned].
type RequestFinished struct {
	Principal
	Endpoint    string  `json:"endpoint"`
	Stream      bool    `json:"stream"`
	Outcome     Outcome `json:"outcome"`
	Status      int     `json:"status"`                  // HTTP status given to the client, 0 if none was sent
	Error       string  `json:"error,omitempty"`         // kind of error, empty when completed
	Target      Target  `json:"target"`                  // the last target tried
	Attempts    int     `json:"attempts"`                // vendor calls made
	Finish      string  `json:"finish,omitempty"`        // finish reason in OpenAI's words
	FirstByteNS int64   `json:"first_byte_ns,omitempty"` // admission to first byte of the vendor's answer
	TotalNS     int64   `json:"total_ns"`                // admission to end
}

// RequestOrphaned closes a request whose node died. The fold writes it.
type RequestOrphaned struct {
	Principal
	Endpoint string `json:"endpoint"`
	Stream   bool   `json:"stream"`
	Reason   string `json:"reason"` // epoch_closed
	Epoch    Epoch  `json:"epoch"`  // the epoch that admitted it
	Target   Target `json:"target"`
	Attempts int    `json:"attempts"`
	Charge   Charge `json:"charge"` // what is still to be charged: the last checkpoint, else the estimate; zero usage if all was recorded
	Basis    string `json:"basis"`  // checkpoint, estimate, recorded
}

// Kind implements [Body].
func (RequestAdmitted) Kind() Kind { return RequestAdmittedKind }

// Kind implements [Body].
func (RequestRejected) Kind() Kind { return RequestRejectedKind }

// Kind implements [Body].
func (RequestFinished) Kind() Kind { return RequestFinishedKind }

// Kind implements [Body].
func (RequestOrphaned) Kind() Kind { return RequestOrphanedKind }
