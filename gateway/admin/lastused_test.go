package admin_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// TestLastUsed: keys tell the minute they were last used in, if it is known, and keys
// of the past do not.
func TestLastUsed(t *testing.T) {
	c := configure(t)
	c.send(201, "POST", "tenants", `{"name": "acme", "keys": [{"name": "broken"}, {"name": "unused"}, {"name": "used"}]}`)
	var used accounting.Counter
	used.Add(&accounting.Entry{At: accounting.Position{Seq: 1}, WindowAt: time.Date(2026, 11, 29, 10, 30, 59, 0, time.UTC), Totals: accounting.Totals{Requests: 1}})
	c.Handler = newHandler(t, admin.Config{Control: c.plane, Counters: func(_ context.Context, s accounting.Scope) ([]accounting.Counter, error) {
		switch s {
		case accounting.Scope{Kind: accounting.KeyScope, ID: "acme/used"}:
			return []accounting.Counter{used}, nil
		case accounting.Scope{Kind: accounting.KeyScope, ID: "acme/broken"}:
			return nil, errors.New("no")
		}
		return nil, nil
	}})
	want := time.Date(2026, 11, 29, 10, 30, 0, 0, time.UTC)
	for _, v := range decode[admin.Page](t, c.send(200, "GET", "keys", "")).Items {
		if known := v.ID == "used"; (v.LastUsed != nil) != known || known && !v.LastUsed.Equal(want) {
			t.Errorf("%s in the list: %v", v.ID, v.LastUsed)
		}
	}
	if v := decode[control.View](t, c.send(200, "GET", "keys/acme/used", "")); v.LastUsed == nil || !v.LastUsed.Equal(want) {
		t.Errorf("alone: %v", v.LastUsed)
	}
	past := "?at=" + time.Now().UTC().Format(time.RFC3339Nano)
	if v := decode[control.View](t, c.send(200, "GET", "keys/acme/used"+past, "")); v.LastUsed != nil {
		t.Errorf("in the past: %v", v.LastUsed)
	}
}
