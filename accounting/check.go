package accounting

import (
	"errors"
	"fmt"

	"github.com/llm-hub/llm-hub/events"
)

// Amounts beyond these are taken for nonsense: a sum of them might overflow.
const (
	maxUnits = 1_000_000_000_000     // of one class in one event
	maxCost  = 1_000_000_000_000_000 // nano-USD of one event, a million dollars
)

// check holds what every event of a request must have.
func (s *step) check(e events.Event) error {
	switch {
	case e.Request == "":
		return errors.New("request is empty")
	case e.WindowAt.IsZero():
		return errors.New("window_at is missing")
	case events.PartitionOf(e.Tenant) != s.by.Partition:
		return fmt.Errorf("tenant %q does not belong to partition %s", e.Tenant, s.by.Partition)
	}
	return nil
}

func checkPrincipal(p events.Principal) error {
	if p.Key == "" || p.Model == "" {
		return errors.New("key and model must not be empty")
	}
	return nil
}

func checkAttempt(n int) error {
	if n < 1 {
		return fmt.Errorf("attempt is %d, must be at least 1", n)
	}
	return nil
}

// checkCharge bounds every class of usage to [least, maxUnits], and the cost likewise.
func checkCharge(field string, c events.Charge, least int64) error {
	for i, n := range c.Usage.Amounts() {
		if n < least || n > maxUnits {
			return fmt.Errorf("%s: usage of %d %s is out of range", field, n, events.Classes()[i].Name)
		}
	}
	if c.CostNanoUSD == nil {
		return nil
	}
	if cost := *c.CostNanoUSD; cost > maxCost || cost < 0 && least == 0 || cost < -maxCost {
		return fmt.Errorf("%s: cost of %d nano-USD is out of range", field, cost)
	}
	return nil
}
