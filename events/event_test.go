package events_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
)

const (
	requestID events.RequestID = "0192f0c1-7a3e-7c41-9b1e-3f2a6d5c4b3a"
	epochID   events.Epoch     = "0192f0c1-2222-7000-8000-000000000001"
)

// decoders reads the body of every kind and encodes it again.
func decoders() map[events.Kind]func(events.Event) ([]byte, error) {
	all := map[events.Kind]func(events.Event) ([]byte, error){
		events.RequestAdmittedKind:     reencode[events.RequestAdmitted],
		events.RequestRejectedKind:     reencode[events.RequestRejected],
		events.AttemptFailedKind:       reencode[events.AttemptFailed],
		events.UpstreamRateLimitedKind: reencode[events.UpstreamRateLimited],
		events.RouteFallbackKind:       reencode[events.RouteFallback],
		events.UsageCheckpointKind:     reencode[events.UsageCheckpoint],
		events.UsageRecordedKind:       reencode[events.UsageRecorded],
		events.RequestFinishedKind:     reencode[events.RequestFinished],
		events.RequestOrphanedKind:     reencode[events.RequestOrphaned],
		events.UsageCorrectedKind:      reencode[events.UsageCorrected],
		events.NodeStartedKind:         reencode[events.NodeStarted],
		events.NodeHeartbeatKind:       reencode[events.NodeHeartbeat],
		events.NodeStoppedKind:         reencode[events.NodeStopped],
		events.NodeLostKind:            reencode[events.NodeLost],
		events.DeadReappliedKind:       reencode[events.DeadReapplied],
		events.AlertRaisedKind:         reencode[events.AlertRaised],
		events.HubCreatedKind:          reencode[events.HubCreated],
		events.AuditSignedKind:         reencode[events.AuditSigned],
	}
	for _, s := range events.Sorts() {
		all[s.Set()], all[s.Removed()] = reencodeChange, reencodeChange
	}
	return all
}

func reencodeChange(e events.Event) ([]byte, error) {
	c, err := events.ChangeOf(e)
	if err != nil {
		return nil, err
	}
	return json.Marshal(c)
}

func reencode[B events.Body](e events.Event) ([]byte, error) {
	body, err := events.As[B](e)
	if err != nil {
		return nil, err
	}
	return json.Marshal(body)
}

// golden reads the first golden file of a kind: one event, as one line.
func golden(t testing.TB, k events.Kind) []byte { return goldenFile(t, string(k)) }

func goldenFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "v1", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	line, ok := bytes.CutSuffix(data, []byte{'\n'})
	if !ok || bytes.ContainsRune(line, '\n') {
		t.Fatalf("golden file of %s is not one line", name)
	}
	return line
}

// goldenNames lists the golden files: `<kind>`, and `<kind>+<word>` of later ones.
func goldenNames(t testing.TB) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "v1", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".json"))
	}
	return names
}

func kindOf(golden string) events.Kind {
	kind, _, _ := strings.Cut(golden, "+")
	return events.Kind(kind)
}

// TestGolden holds that what was once written keeps its meaning: the file
// decodes, encodes to the same bytes, and its body is known to the last field.
func TestGolden(t *testing.T) {
	for _, name := range goldenNames(t) {
		t.Run(name, func(t *testing.T) {
			k, line := kindOf(name), goldenFile(t, name)
			e, err := events.Decode(line)
			if err != nil {
				t.Fatal(err)
			}
			if e.Kind != k || e.V != 1 {
				t.Fatalf("kind %s, version %d", e.Kind, e.V)
			}
			for name, encode := range map[string]func() ([]byte, error){
				"as decoded":  e.Encode,
				"by its type": func() ([]byte, error) { return json.Marshal(e) },
			} {
				got, err := encode()
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(line), string(got)); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
			}
			body, err := decoders()[k](e)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(e.Body), string(body)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGoldenFilesCoverEveryKind(t *testing.T) {
	known := map[events.Kind]bool{}
	for _, k := range events.Kinds() {
		if known[k] {
			t.Errorf("kind %s twice", k)
		}
		known[k] = true
		if decoders()[k] == nil {
			t.Errorf("kind %s: this test cannot read its body", k)
		}
	}
	covered := map[events.Kind]bool{}
	for _, name := range goldenNames(t) {
		k := kindOf(name)
		if !known[k] {
			t.Errorf("%s: kind %s was released and is not known any more", name, k)
		}
		covered[k] = true
	}
	for k := range known {
		if !covered[k] {
			t.Errorf("kind %s has no golden file", k)
		}
	}
}

// TestGoldenFilesAreWhatNewWrites holds that the files are no fiction.
func TestGoldenFilesAreWhatNewWrites(t *testing.T) {
	line := golden(t, events.NodeStartedKind)
	e, err := events.New(events.Head{
		At: time.Date(2026, 11, 1, 11, 59, 58, 250000000, time.UTC), Node: "n1", Tenant: events.NoTenant, Epoch: epochID,
	}, events.NodeStarted{Epoch: epochID, Version: "v0.1.0"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(line), string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestRoundTripKeepsUnknown(t *testing.T) {
	for name, line := range map[string]string{
		"kind":              `{"id":"r:x.y","kind":"x.y","v":1,"at":"2026-11-01T12:00:00Z","node":"n1","tenant":"acme","body":{"a":1.50,"b":[ 1 ]}}`,
		"version":           `{"id":"r:x.y","kind":"node.stopped","v":7,"at":"2026-11-01T12:00:00Z","node":"n1","tenant":"acme","body":{"epoch":"e"}}`,
		"field":             `{"id":"r:x.y","kind":"node.stopped","v":1,"new":{"deep":true},"at":"2026-11-01T12:00:00Z","node":"n1","tenant":"acme","body":{"epoch":"e"}}`,
		"field of the body": `{"id":"r:x.y","kind":"node.stopped","v":1,"at":"2026-11-01T12:00:00Z","node":"n1","tenant":"acme","body":{"epoch":"e","why":"x"}}`,
		"order and spacing": `{"kind": "node.stopped", "body":{"epoch":"e"}, "id": "r:x.y"}`,
	} {
		t.Run(name, func(t *testing.T) {
			e, err := events.Decode([]byte(" " + line + "\r"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := e.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(line, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, line := range map[string]string{
		"nothing":         "",
		"not JSON":        "{",
		"not an object":   "[]",
		"no id":           `{"kind":"node.stopped"}`,
		"no kind":         `{"id":"a"}`,
		"null":            "null",
		"two objects":     `{"id":"a","kind":"b"}{"id":"a","kind":"b"}`,
		"a time of words": `{"id":"a","kind":"b","at":"noon"}`,
	} {
		t.Run(name, func(t *testing.T) {
			if e, err := events.Decode([]byte(line)); err == nil {
				t.Errorf("decoded to %+v", e)
			}
		})
	}
}

func TestAsRefuses(t *testing.T) {
	e, err := events.Decode([]byte(`{"id":"a","kind":"node.stopped","body":{"epoch":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := events.As[events.NodeStopped](e); err == nil || !strings.Contains(err.Error(), "event a") {
		t.Errorf("a body of the wrong type: %v", err)
	}
	if _, err := events.As[events.NodeStarted](e); err == nil || !strings.Contains(err.Error(), "event a") {
		t.Errorf("another kind: %v", err)
	}
}

func TestEventID(t *testing.T) {
	tests := []struct {
		head events.Head
		kind events.Kind
		want events.ID
	}{
		{events.Head{Request: "r1", Node: "n1"}, events.RequestAdmittedKind, "r1:request.admitted"},
		{events.Head{Request: "r1", Attempt: 2}, events.AttemptFailedKind, "r1:attempt.failed:2"},
		{events.Head{Request: "r1", Attempt: 2, N: 3}, events.UsageCheckpointKind, "r1:usage.checkpoint:2:3"},
		{events.Head{Request: "r1", N: 3}, events.UsageCorrectedKind, "r1:usage.corrected:0:3"},
		{events.Head{Request: "r1", Epoch: "e1"}, events.RequestFinishedKind, "r1:request.finished"},
		{events.Head{Node: "n1", Epoch: "e1"}, events.NodeStartedKind, "n1.e1:node.started"},
		{events.Head{Node: "n1", Epoch: "e1", N: 12}, events.NodeHeartbeatKind, "n1.e1:node.heartbeat:0:12"},
		{events.Head{Node: "n1"}, events.HubCreatedKind, "n1:hub.created"},
	}
	seen := map[events.ID]bool{}
	for _, tt := range tests {
		got := events.NewID(tt.head, tt.kind)
		if got != tt.want {
			t.Errorf("id %s, want %s", got, tt.want)
		}
		if seen[got] {
			t.Errorf("id %s twice", got)
		}
		seen[got] = true
	}
}

func TestNew(t *testing.T) {
	at := time.Date(2026, 11, 1, 13, 0, 0, 0, time.FixedZone("", 3600))
	e, err := events.New(events.Head{At: at, Node: "n1", Tenant: "acme", Request: requestID, WindowAt: at, Attempt: 1},
		events.AttemptFailed{Attempt: 1, Class: "timeout"})
	if err != nil {
		t.Fatal(err)
	}
	line, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(line, []byte(`"at":"2026-11-01T12:00:00Z"`)) {
		t.Errorf("its time is not in UTC: %s", line)
	}
	if !bytes.Contains(line, []byte(`"window_at":"2026-11-01T13:00:00+01:00"`)) {
		t.Errorf("its window is not in the zone it is counted in: %s", line)
	}
	_, err = events.New(events.Head{Request: requestID}, events.RequestFinished{Error: strings.Repeat("x", events.MaxEventSize)})
	if err == nil || !strings.Contains(err.Error(), "more than 32768") {
		t.Errorf("too large an event: %v", err)
	}
	if _, err := events.New(events.Head{}, broken{}); !errors.Is(err, errBroken) {
		t.Errorf("a body that cannot be encoded: %v", err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Kind() events.Kind            { return "broken" }
func (broken) MarshalJSON() ([]byte, error) { return nil, errBroken }

// FuzzDecode holds that whatever decodes survives a round trip byte for byte,
// and that no input makes a reader panic.
func FuzzDecode(f *testing.F) {
	for _, name := range goldenNames(f) {
		f.Add(goldenFile(f, name))
	}
	f.Add([]byte(`{"id":"a","kind":"b"}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := events.Decode(bytes.Clone(line))
		if err != nil {
			return
		}
		got, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(bytes.TrimSpace(line), got) {
			t.Fatalf("%q came back as %q", line, got)
		}
		again, err := events.Decode(got)
		if err != nil {
			t.Fatalf("decodes once only: %v", err)
		}
		if again.ID != e.ID || again.Kind != e.Kind || !again.At.Equal(e.At) || !bytes.Equal(again.Body, e.Body) {
			t.Fatalf("%+v came back as %+v", e, again)
		}
		if read := decoders()[e.Kind]; read != nil {
			_, _ = read(e) // an error is well, a panic is not
		}
	})
}

// FuzzNew holds that an event is written as encoding/json writes it, whatever its
// names are and in whatever zone its times.
func FuzzNew(f *testing.F) {
	f.Add("n1", "acme", string(requestID), int64(1793491200), int64(250), 3600, "timeout")
	f.Add("", "_", "", int64(0), int64(0), 0, "")
	f.Add("n\"1\\", "<a&b>\u2028", "\xff\x00é\n~\x7f", int64(-1), int64(999999999), -12600, "</script>")
	f.Add("n", "t", "r", int64(1)<<40, int64(1), 1<<30, "x")
	f.Fuzz(func(t *testing.T, node, tenant, request string, second, nano int64, offset int, class string) {
		at := time.Unix(second, nano).In(time.FixedZone("", offset))
		e, err := events.New(events.Head{At: at, Node: events.NodeID(node), Tenant: events.TenantID(tenant), Request: events.RequestID(request), WindowAt: at},
			events.AttemptFailed{Attempt: 1, Class: class})
		if err != nil {
			return // too large, or not a time that JSON has
		}
		got, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Error(diff)
		}
	})
}
