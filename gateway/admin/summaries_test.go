package admin_test

import (
	"context"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/admin"
)

// TestSummaries: how targets did of late is told with its age, and a decision shows it
// of its own targets.
func TestSummaries(t *testing.T) {
	planned, other := events.Target{Provider: "openai", Credential: "main", Model: "gpt-x"}, events.Target{Provider: "gemini", Credential: "main", Model: "g"}
	told := events.Summaries{At: time.Now().Add(-time.Hour), Seq: 7, Targets: []events.TargetSummary{{Target: other}, {Target: planned}}}
	c := configure(t)
	h := newHandler(t, admin.Config{
		Control:   c.plane,
		Summaries: func(context.Context) (events.Summaries, error) { return told, nil },
		Story: func(context.Context, admin.Scope, events.RequestID) (admin.RequestStory, error) {
			return admin.RequestStory{Admitted: &events.RequestAdmitted{Principal: events.Principal{Model: "smart"}, Decision: events.Decision{Plan: []events.Target{planned}}}}, nil
		},
	})
	if s := decode[admin.Summaries](t, ask(h, "GET", "/api/v1/targets/summaries")); !s.Stale || s.Age < 3000 || len(s.Targets) != 2 {
		t.Errorf("an hour later: %+v", s)
	}
	told.At = time.Now()
	why := decode[admin.Why](t, ask(h, "GET", "/api/v1/requests/r1/decision"))
	if why.Targets == nil || why.Targets.Stale || len(why.Targets.Targets) != 1 || why.Targets.Targets[0].Target != planned {
		t.Errorf("a decision shows %+v", why.Targets)
	}
}
