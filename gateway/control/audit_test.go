package control_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// history is a hub whose configuration was changed a few times.
func history(t *testing.T) (*world, *control.Plane) {
	t.Helper()
	w := newWorld(t)
	p := w.node()
	w.apply(p, w.full())
	w.apply(p, strings.NewReplacer("weight: 3", "weight: 4", "role: operator", "role: viewer", "literal-key", "another-key").Replace(w.full()))
	w.apply(p, "tenants: [{name: acme}]", control.OriginFile)
	return w, p
}

func read(cs []events.Command) func(from uint64) ([]events.Command, error) {
	return func(uint64) ([]events.Command, error) {
		page := cs
		cs = nil
		return page, nil
	}
}

// TestAudit: every change is shown once, the newest first, with what changed and
// without a secret.
func TestAudit(t *testing.T) {
	w, p := history(t)
	all, next, err := p.Audit(t.Context(), control.AuditFilter{Limit: 1000})
	if err != nil || next.Seq != 0 {
		t.Fatal(err, next)
	}
	var paged []control.Entry
	for f := (control.AuditFilter{Limit: 3}); ; f.Before = next {
		var page []control.Entry
		if page, next, err = p.Audit(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		if paged = append(paged, page...); next.Seq == 0 {
			break
		}
	}
	if diff := cmp.Diff(all, paged); diff != "" {
		t.Errorf("in pages:\n%s", diff)
	}
	if !slices.IsSortedFunc(all, func(a, b control.Entry) int {
		return int(b.Seq)*1000 + b.Index - int(a.Seq)*1000 - a.Index
	}) {
		t.Error("not the newest first")
	}
	diffs := map[string]string{}
	for _, e := range all {
		if e.Actor != "operator" || e.Cause != "test" || e.Request == "" || e.Logged.IsZero() {
			t.Errorf("%+v", e)
		}
		if e.Seq == 3 {
			for _, d := range e.Diff() {
				diffs[e.Ref.String()+" "+d.Field] = fmt.Sprintf("%s %s", d.Before, d.After)
			}
		}
	}
	user := control.UserID("acme", "a@acme.test")
	if len(diffs) != 3 || diffs["credential openai/main weight"] != "3 4" || diffs["user acme/"+user+" role"] != `"operator" "viewer"` {
		t.Errorf("changed %v", diffs)
	}
	if d := diffs["credential claude/main api_key"]; !strings.Contains(d, "[sealed ") || strings.Contains(d, "key") {
		t.Errorf("a changed key is shown as %q", d)
	}
	shown := text(t, all)
	for _, secret := range []string{ciKey, "literal-key", "another-key", "sk-from", "hooks.example.com"} {
		if strings.Contains(shown, secret) {
			t.Errorf("%q is shown", secret)
		}
	}
	if !strings.Contains(shown, "a@acme.test") {
		t.Error("it is not shown whom a change is about")
	}
	for want, f := range map[int]control.AuditFilter{
		3: {ID: user}, 2: {Sort: events.SettingsSort}, 0: {Actor: "somebody"}, 1: {Tenant: "acme", Sort: events.TenantSort, ID: "acme"},
	} {
		f.Limit = 1000
		if got, _, err := p.Audit(t.Context(), f); err != nil || len(got) < want || want == 0 && len(got) > 0 {
			t.Errorf("%+v: %d entries, %v", f, len(got), err)
		}
	}
	w.apply(p, "settings: {time_zone: UTC}", control.OriginFile) // acme goes
	gone, _, err := p.Audit(t.Context(), control.AuditFilter{ID: user, Limit: 10})
	if err != nil || len(gone) != 3 || strings.Contains(text(t, gone), "a@acme.test") {
		t.Errorf("of a removed tenant: %s, %v", gone, err)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestVerifyAudit: whatever is done to a stream is found, at its place.
func TestVerifyAudit(t *testing.T) {
	w, p := history(t)
	report, err := p.VerifyAudit(t.Context(), control.Trust{})
	if err != nil || !report.OK || report.Messages != 4 || report.Hash != p.State().Hash {
		t.Fatalf("%+v, %v", report, err)
	}
	last := control.Known{Seq: report.Messages, Hash: report.Hash}
	edit := func(c *events.Command, old, now string) {
		data := strings.Replace(string(c.Data), old, now, 1)
		if data == string(c.Data) {
			t.Fatalf("%q is not there", old)
		}
		c.Data = []byte(data)
	}
	for name, tt := range map[string]struct {
		change func(cs []events.Command) []events.Command
		known  bool // a remembered message is needed to find it
		broken string
		whole  uint64
	}{
		"nothing": {func(cs []events.Command) []events.Command { return cs }, true, "", 4},
		"actor": {func(cs []events.Command) []events.Command { edit(&cs[1], `"operator"`, `"somebody"`); return cs }, false,
			"control message 3: is not chained to the message before it", 2},
		"value": {func(cs []events.Command) []events.Command { edit(&cs[2], `"weight":4`, `"weight":9`); return cs }, false,
			"control message 4: is not chained to the message before it", 3},
		"last message": {func(cs []events.Command) []events.Command { edit(&cs[3], `"test"`, `"toast"`); return cs }, true,
			"control message 4 is not the one that is known", 3},
		"last message, before": {func(cs []events.Command) []events.Command { edit(&cs[3], `"weight":4`, `"weight":9`); return cs }, false, "credential", 3},
		"dropped":              {func(cs []events.Command) []events.Command { return slices.Delete(cs, 1, 2) }, false, "control message 3: comes after 1", 1},
		"swapped":              {func(cs []events.Command) []events.Command { cs[1], cs[2] = cs[2], cs[1]; return cs }, false, "control message 3: comes after 1", 1},
		"cut":                  {func(cs []events.Command) []events.Command { return cs[:3] }, true, "the control stream ends at message 3, known is 4", 3},
		"history rewritten": {func(cs []events.Command) []events.Command {
			edit(&cs[1], `"operator"`, `"somebody"`)
			for i := 1; i < len(cs); i++ {
				cs[i].Prev = cs[i-1].Hash()
			}
			return cs
		}, true, "control message 4 is not the one that is known", 0},
	} {
		t.Run(name, func(t *testing.T) {
			var known []control.Known
			if tt.known {
				known = append(known, last)
			}
			report, err := control.VerifyAudit(read(tt.change(w.commands())), control.Trust{Known: known})
			if err != nil || report.OK != (tt.broken == "") || !strings.Contains(report.Broken, tt.broken) {
				t.Errorf("%+v, %v", report, err)
			}
			if name != "history rewritten" && name != "last message" && report.Messages != tt.whole {
				t.Errorf("%d messages are whole, want %d", report.Messages, tt.whole)
			}
		})
	}
}

func TestParseKnown(t *testing.T) {
	if k, err := control.ParseKnown("12:ab"); err != nil || k.Seq != 12 || k.Hash != "ab" {
		t.Errorf("%+v, %v", k, err)
	}
	for _, text := range []string{"", "12", "12:", ":ab", "0:ab", "x:ab"} {
		if k, err := control.ParseKnown(text); err == nil {
			t.Errorf("%q is %+v", text, k)
		}
	}
}
