package query_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/query"
	"github.com/llm-hub/llm-hub/projector/tables"
	"github.com/llm-hub/llm-hub/projector/verify"
)

// changes: every change of the configuration is in the table once, also after it was
// written twice, and is counted by whatever it is asked for.
func (w world) changes(t *testing.T) {
	want := map[string]uint64{}
	for i := range 7 {
		tenant, actor := events.TenantID(fmt.Sprint("tenant-", i%2)), fmt.Sprint("token/t", i%3)
		change := events.Change{Sort: events.KeySort, Object: fmt.Sprint("key-", i), Actor: actor, Cause: "key.create", Origin: "api", After: []byte(`{"name":"x"}`)}
		e, err := events.New(events.Head{At: time.Now(), Node: "n1", Tenant: tenant, Request: events.RequestID(fmt.Sprint("r", i)), N: 1}, change)
		if err != nil {
			t.Fatal(err)
		}
		c, err := events.NewCommand(e, e)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.log.AppendControl(t.Context(), uint64(i+1), c); err != nil {
			t.Fatal(err)
		}
		want[string(tenant)+" "+actor] += 2
	}
	for range 2 { // the second starts anew, and the last page is written again
		fold, err := tables.NewChanges(tables.ChangesConfig{Log: w.log, Bucket: w.log, Store: again{w.store}, Logger: slog.New(slog.DiscardHandler)})
		if err == nil {
			err = fold.CatchUp(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	f := query.Filter{Scope: query.Everyone(), From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour)}
	ask := func(f query.Filter) (query.Changes, map[string]uint64) {
		a, err := w.engine.Changes(t.Context(), f, []query.Dimension{query.Month, query.Tenant, query.Actor})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]uint64{}
		for _, r := range a.Rows {
			got[r.Labels[query.Tenant]+" "+r.Labels[query.Actor]] += r.Changes
		}
		return a, got
	}
	a, got := ask(f)
	if diff := gocmp.Diff(want, got); diff != "" || a.Total != 14 || a.Seq != 8 {
		t.Errorf("%d changes as of %d (-want +got):\n%s", a.Total, a.Seq, diff)
	}
	f.Where = map[query.Dimension][]string{query.Actor: {"token/t1"}, query.Verb: {"made"}}
	if a, _ := ask(f); a.Total != 4 {
		t.Errorf("by one actor %d", a.Total)
	}
	f.Where, f.Scope = nil, query.Of("tenant-1")
	if a, _ := ask(f); a.Total != 6 {
		t.Errorf("of one tenant %d", a.Total)
	}
	f.Scope = query.Scope{}
	if a, _ := ask(f); a.Total != 0 {
		t.Errorf("nobody sees %d", a.Total)
	}
	cfg := verify.Config{Log: w.log, Bucket: w.log, Tables: w.store, Control: w.log}
	if r, err := verify.Run(t.Context(), cfg, nil); err != nil || !r.OK || r.Tables.Changes != 14 {
		t.Errorf("verified %+v, %v", r, err)
	}
	if err := w.store.Exec(t.Context(), "ALTER TABLE "+w.store.Database()+".changes UPDATE cause = 'by hand' WHERE seq = 3 SETTINGS mutations_sync = 2"); err != nil {
		t.Fatal(err)
	}
	if r, err := verify.Run(t.Context(), cfg, nil); err != nil || r.Different != 1 {
		t.Errorf("changed by hand: %+v, %v", r, err)
	}
}

// again is a store that was told less than it keeps.
type again struct{ tables.ChangeStore }

func (a again) LastChange(t context.Context, database string) (uint64, error) {
	last, err := a.ChangeStore.LastChange(t, database)
	return last / 2, err
}
