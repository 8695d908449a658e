package record

import (
	"errors"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Bounds of one correction; what is beyond is a slip of the pen.
const (
	maxCorrectedUnits = 1 << 34                   // of each class
	maxCorrectedCost  = 1_000_000 * 1_000_000_000 // nano-USD: a million dollars
)

// Correction is an operator's word that an attempt cost something else than was
// recorded: a vendor's invoice says so, or a price was wrong. It is added to what
// stands, in the windows of the request; nothing is overwritten.
type Correction struct {
	Tenant    events.TenantID
	Request   events.RequestID
	Admitted  time.Time        // when the request was: it is booked in the windows of that moment
	Principal events.Principal // the request's
	Target    events.Target    // the attempt's
	Attempt   int              // 1-based
	N         int              // 1-based: corrections of the attempt so far, and one
	Reason    string           // a word like vendor_invoice: no free text goes on the log
	Delta     events.Charge    // negative takes away
	Priced    bool             // it is the price of what was recorded without one
}

// Validate names the first field that is wrong.
func (c Correction) Validate() error {
	switch {
	case !events.ValidID(string(c.Tenant)) || c.Tenant == events.NoTenant:
		return errors.New("tenant: not the id of one")
	case c.Request == "":
		return errors.New("request: is empty")
	case c.Admitted.IsZero():
		return errors.New("admitted: is not given")
	case c.Principal.Key == "" || c.Principal.Model == "":
		return errors.New("principal: lacks the key or the logical model")
	case c.Target.Provider == "" || c.Target.Credential == "" || c.Target.Model == "":
		return errors.New("target: lacks the provider, the credential or the model")
	case c.Attempt < 1:
		return fmt.Errorf("attempt: is %d, must be at least 1", c.Attempt)
	case c.N < 1:
		return fmt.Errorf("n: is %d, must be at least 1", c.N)
	case !events.ValidID(c.Reason):
		return errors.New("reason: not a word of 1 to 40 of a-z, 0-9, _ and -")
	}
	return c.validDelta()
}

func (c Correction) validDelta() error {
	switch d := c.Delta; {
	case d.CostNanoUSD == nil:
		return errors.New("delta.cost_nano_usd: is not given; it is 0 if only tokens change")
	case d.Usage == (events.Usage{}) && *d.CostNanoUSD == 0 && !c.Priced:
		return errors.New("delta: changes nothing")
	case *d.CostNanoUSD > maxCorrectedCost || *d.CostNanoUSD < -maxCorrectedCost:
		return fmt.Errorf("delta.cost_nano_usd: %d is beyond %d", *d.CostNanoUSD, int64(maxCorrectedCost))
	}
	for i, n := range c.Delta.Usage.Amounts() {
		if n > maxCorrectedUnits || n < -maxCorrectedUnits {
			return fmt.Errorf("delta.usage.%s: %d is beyond %d", events.Classes()[i].Name, n, int64(maxCorrectedUnits))
		}
	}
	return nil
}

// Event is the correction as it is published, to the tenant's partition. It is
// counted once for each time that it is published: who may repeat one must find out
// first whether the log has it, by its id `<request>:usage.corrected:<attempt>:<n>`.
func (c Correction) Event(by events.NodeID, at time.Time) (events.Event, error) {
	if err := c.Validate(); err != nil {
		return events.Event{}, fmt.Errorf("correction: %w", err)
	}
	h := events.Head{
		At: at, Node: by, Tenant: c.Tenant, Request: c.Request, WindowAt: c.Admitted, Attempt: c.Attempt, N: c.N,
	}
	return events.New(h, events.UsageCorrected{
		Principal: c.Principal, Attempt: c.Attempt, N: c.N, Target: c.Target, Reason: c.Reason, Delta: c.Delta, Priced: c.Priced,
	})
}
