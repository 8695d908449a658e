package main_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/events"
)

// account is what the log says of one request.
type account struct {
	admitted, ends int
	outcome        events.Outcome
	records        int // usage.recorded and charged orphans
	estimated      bool
	input, output  int64
	searches       int64
}

// books reads the whole log through the command line.
func books(t *testing.T, data string) map[string]*account {
	t.Helper()
	out, code := command(t, "replay", "--data", data, "--format", "jsonl")
	if code != 0 {
		t.Fatalf("replay: exit %d", code)
	}
	all := map[string]*account{}
	for line := range strings.Lines(out) {
		var r struct{ Event events.Event }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("replay: %v: %s", err, line)
		}
		if r.Event.Request == "" {
			continue
		}
		id := string(r.Event.Request)
		if all[id] == nil {
			all[id] = &account{}
		}
		all[id].add(t, r.Event)
	}
	return all
}

func (a *account) add(t *testing.T, e events.Event) {
	t.Helper()
	charge := func(c events.Charge, estimated bool) {
		a.records++
		a.estimated = a.estimated || estimated
		a.input += c.Usage.InputTotal()
		a.output += c.Usage.OutputTotal()
		a.searches += c.Usage.SearchUnits
	}
	switch e.Kind {
	case events.RequestAdmittedKind:
		a.admitted++
	case events.UsageRecordedKind:
		b := body[events.UsageRecorded](t, e)
		charge(b.Charge, b.Source == events.Estimated)
	case events.RequestFinishedKind:
		a.ends++
		a.outcome = body[events.RequestFinished](t, e).Outcome
	case events.RequestOrphanedKind:
		a.ends++
		a.outcome = events.Orphaned
		if b := body[events.RequestOrphaned](t, e); b.Basis != "recorded" {
			charge(b.Charge, true)
		}
	}
}

func body[B events.Body](t *testing.T, e events.Event) B {
	t.Helper()
	b, err := events.As[B](e)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// servedByRequest adds the vendor's ledger up by the request it was called for.
func servedByRequest(l ledger) map[string]served {
	all := map[string]served{}
	for _, r := range l.Records {
		sum := all[r.HubRequest]
		sum.Model += r.Model + " "
		sum.Outcome += r.Outcome + " "
		sum.Input += r.Input
		sum.Output += r.Output
		sum.Searches += r.Searches
		all[r.HubRequest] = sum
	}
	return all
}
