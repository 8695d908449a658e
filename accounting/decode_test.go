package accounting

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/llm-hub/llm-hub/events"
)

// exactly compares decoded events to the letter, time zones included.
var exactly = cmp.Options{
	cmpopts.EquateEmpty(), cmpopts.IgnoreFields(events.Event{}, "Body"), cmpopts.IgnoreUnexported(events.Event{}),
	cmp.Comparer(func(a, b time.Time) bool { return a.Format(time.RFC3339Nano) == b.Format(time.RFC3339Nano) }),
}

// sample encodes an event of every common kind, with every field set.
func sample(t testing.TB) [][]byte {
	t.Helper()
	cost := int64(-1)
	who := events.Principal{User: "ann", Team: "red", Key: "ci", Model: "smart", Tags: "blue,green"}
	target := events.Target{Provider: "openai", Credential: "main", Model: "gpt-fake"}
	charge := events.Charge{
		CostNanoUSD: &cost, PriceVersion: "v",
		Lines: []events.PriceLine{{Class: "input", Units: 1, NanoPerMillion: 2, CostNanoUSD: 3}, {Class: "output"}},
	}
	for i, amount := range charge.Usage.Refs() {
		*amount = int64(i + 1)
	}
	at := time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.FixedZone("", -12600))
	var lines [][]byte
	for _, b := range []events.Body{
		events.RequestAdmitted{
			Principal: who, Endpoint: "chat.completions", Stream: true, Estimate: charge,
			Decision: events.Decision{Catalog: "c", Strategy: "priority", Seed: 1<<64 - 1, Plan: []events.Target{target, {}}},
		},
		events.UsageRecorded{Principal: who, Attempt: 1, Target: target, Source: events.FromVendor, Charge: charge},
		events.UsageRecorded{Principal: who, Charge: events.Charge{}},
		events.RequestFinished{
			Principal: who, Endpoint: "chat.completions", Stream: true, Outcome: events.Failed, Status: 502, Error: "cut",
			Target: target, Attempts: 2, Finish: "stop", FirstByteNS: 1, TotalNS: 1<<53 + 1,
		},
	} {
		e, err := events.New(events.Head{At: at, Node: "n", Tenant: "t", Request: "r", WindowAt: at, Attempt: 1}, b)
		if err != nil {
			t.Fatal(err)
		}
		line, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}

// TestDecodeIsUsed says that what gateways write takes the short way.
func TestDecodeIsUsed(t *testing.T) {
	var c common
	var n names
	for _, line := range sample(t) {
		if !c.decode(line, &n) {
			t.Errorf("not decoded: %s", line)
		}
		same(t, &c, line)
	}
}

// TestDecoder: what is read, in whichever way, is what package events reads.
func TestDecoder(t *testing.T) {
	var d Decoder
	for _, line := range append(sample(t), []byte(`{"id":"a","kind":"node.stopped","body":{"epoch":"e"}}`), []byte(`{"id":"a", "kind":"usage.recorded","body":{}}`)) {
		want, err := events.Decode(line)
		if err != nil {
			t.Fatal(err)
		}
		e, body, err := d.Decode(line)
		if err != nil {
			t.Fatal(err)
		}
		if body == nil {
			if diff := cmp.Diff(want, e, cmp.AllowUnexported(events.Event{})); diff != "" {
				t.Error(diff)
			}
			continue
		}
		same(t, &d.common, line)
		if body.Kind() != want.Kind || e.Kind != want.Kind {
			t.Errorf("a %s is read as %s, and its body as %s", want.Kind, e.Kind, body.Kind())
		}
	}
	if _, _, err := d.Decode([]byte(`{"id":"a"`)); err == nil {
		t.Error("half a line is read")
	}
}

// same compares c with what package events makes of line.
func same(t *testing.T, c *common, line []byte) {
	t.Helper()
	e, err := events.Decode(line)
	if err != nil {
		t.Fatalf("accepted, but %v", err)
	}
	if diff := cmp.Diff(e, c.head, exactly); diff != "" {
		t.Fatalf("envelope (-events +here):\n%s", diff)
	}
	var want, got events.Body
	switch e.Kind {
	case events.RequestAdmittedKind:
		got = c.admitted
		want, err = events.As[events.RequestAdmitted](e)
	case events.UsageRecordedKind:
		got = c.recorded
		want, err = events.As[events.UsageRecorded](e)
	case events.RequestFinishedKind:
		got = c.finished
		want, err = events.As[events.RequestFinished](e)
	default:
		t.Fatalf("accepted a %s", e.Kind)
	}
	if err != nil {
		t.Fatalf("accepted, but %v", err)
	}
	if diff := cmp.Diff(want, got, exactly); diff != "" {
		t.Fatalf("body (-events +here):\n%s", diff)
	}
}

func FuzzDecode(f *testing.F) {
	edits := []struct{ from, to string }{
		{"", ""},
		{`"r"`, `"\u0072"`},
		{`:1,`, `: 1,`},
		{`:1,`, `:1.0,`},
		{`:1,`, `:01,`},
		{`:1,`, `:-1,`},
		{`:1,`, `:9223372036854775808,`},
		{`"attempt":`, `"Attempt":`},
		{`"body":`, `"kind":"request.finished","body":`},
		{`"body":`, `"body":{},"body":`},
		{`}}`, `},"kind":"request.admitted"}`},
		{`"lines":[`, `"lines":[],"lines":[`},
		{`"plan":[`, `"plan":null,"plan":[`},
		{`"strategy":`, `"skipped":[{"reason":"cooldown"}],"strategy":`},
		{`"strategy":`, `"later":{"deep":[1,{"er":null},true]},"strategy":`},
		{`"key":"ci"`, `"key":null`},
		{`"key":"ci"`, "\"key\":\"\xff\""},
		{`}`, `} `},
	}
	for _, line := range sample(f) {
		for _, e := range edits {
			f.Add([]byte(strings.Replace(string(line), e.from, e.to, 1)))
		}
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var c common
		var n names
		if c.decode(line, &n) {
			same(t, &c, line)
		}
	})
}

func TestNamesAreBounded(t *testing.T) {
	var n names
	for i := range 3 * maxNames {
		if got := n.of([]byte{byte(i), byte(i >> 8), byte(i >> 16)}); len(got) != 3 {
			t.Fatalf("name %q", got)
		}
	}
	if len(n) > maxNames {
		t.Errorf("%d names kept, want at most %d", len(n), maxNames)
	}
}
