package tail_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/projectortest"
	"github.com/llm-hub/llm-hub/projector/query"
	"github.com/llm-hub/llm-hub/projector/tail"
)

var errEnough = errors.New("enough")

// world is a log with restarts, orphans and messages it holds twice, and its fold.
func world(t *testing.T) (*memlog.Log, projectortest.Books) {
	t.Helper()
	log := memlog.New()
	traffic := projectortest.New(3, 4, time.Second)
	add := func(messages ...events.Message) {
		for i, m := range messages {
			if _, err := log.Append(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			if i%5 == 0 {
				log.Inject(m)
			}
		}
	}
	add(traffic.Messages(300)...)
	add(traffic.Restart()...)
	add(traffic.Messages(200)...)
	orphans(t, log)
	add(traffic.Messages(200)...)
	books, err := projectortest.Fold(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	return log, books
}

// orphans publishes the ends of dead requests, as a projector does.
func orphans(t *testing.T, log *memlog.Log) {
	t.Helper()
	folds := projector.NewFolds(projector.AllPartitions(), nil)
	info, _ := log.Info(t.Context())
	for seq := uint64(1); seq <= info.Last; seq++ {
		m, err := log.At(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := folds.Apply(m); err != nil {
			t.Fatal(err)
		}
	}
	counters := map[events.Partition]uint64{}
	closings := folds.Orphans("p1", projectortest.Start())
	if len(closings) == 0 {
		t.Fatal("no orphans")
	}
	for _, c := range closings {
		e, err := events.New(c.Head, c.Body)
		if err != nil {
			t.Fatal(err)
		}
		line, _ := e.Encode()
		p := events.PartitionOf(c.Head.Tenant)
		counters[p]++
		_, err = log.Append(t.Context(), events.Message{
			ID: events.MessageID{Node: "p1", Epoch: "p1-epoch", Partition: p, Counter: counters[p]}, Count: 1, Data: append(line, '\n'),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// follow collects n rows.
func follow(t *testing.T, log *memlog.Log, f query.RequestFilter, after accounting.Position, n int) []tail.Row {
	t.Helper()
	var out []tail.Row
	if n == 0 {
		return out
	}
	err := tail.Follow(t.Context(), log, f, after, func(r tail.Row) error {
		if out = append(out, r); len(out) == n {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	return out
}

// TestFollow: the tail shows each end and each refusal once, with what it used as
// the ledger says; and who goes on from any place sees the rest, nothing twice.
func TestFollow(t *testing.T) {
	log, books := world(t)
	used := map[events.RequestID]accounting.Totals{}
	for _, e := range books.Entries {
		used[e.Request] = used[e.Request].Plus(e.Totals)
	}
	everyone := query.RequestFilter{Filter: query.Filter{Scope: query.Everyone()}}
	begin := accounting.Position{Index: -1}
	rows := follow(t, log, everyone, begin, len(books.Ends))
	outcomes := map[string]int{}
	for i, r := range rows {
		end := books.Ends[i]
		want := query.AmountsOf(used[end.Request])
		if r.ID != string(end.Request) || r.At != end.At || r.Outcome != string(end.Outcome) || int(r.Count) != end.Count || r.Tenant != string(end.Tenant) ||
			r.Target != end.Finished.Target || r.Total != end.Finished.TotalNS || r.Node != string(end.Node) {
			t.Fatalf("row %d is %+v, want %+v", i, r, end)
		}
		if diff := cmp.Diff(&want, r.Amounts); diff != "" {
			t.Errorf("%s (-ledger +tail):\n%s", r.ID, diff)
		}
		outcomes[r.Outcome]++
	}
	if outcomes["orphaned"] == 0 || outcomes["rejected"] == 0 || outcomes["completed"] == 0 {
		t.Errorf("too little to see: %v", outcomes)
	}
	for cut := 0; cut < len(rows); cut += 41 {
		rest := follow(t, log, everyone, rows[cut].At, len(rows)-cut-1)
		for i, r := range rest {
			if r.At != rows[cut+1+i].At {
				t.Fatalf("after %v: row %d is at %v, want %v", rows[cut].At, i, r.At, rows[cut+1+i].At)
			}
		}
	}
}

// TestFilter: only what fits is shown, of the tenants of the scope.
func TestFilter(t *testing.T) {
	log, books := world(t)
	f := query.RequestFilter{MinTotal: 4 * time.Second, Filter: query.Filter{
		Scope: query.Of("tenant-1", "tenant-2"), Where: map[query.Dimension][]string{query.Outcome: {"completed"}, query.Tenant: {"tenant-2", "tenant-3"}},
	}}
	var want []string
	for _, e := range books.Ends {
		if e.Tenant == "tenant-2" && e.Outcome == events.Completed && e.Finished.TotalNS >= 4e9 {
			want = append(want, string(e.Request))
		}
	}
	var got []string
	for _, r := range follow(t, log, f, accounting.Position{Index: -1}, len(want)) {
		got = append(got, r.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 5 {
		t.Errorf("%d rows (-want +got):\n%s", len(want), diff)
	}
	one := query.RequestFilter{Filter: query.Filter{Scope: query.Of("tenant-2").Only("user-1")}}
	for _, r := range follow(t, log, one, accounting.Position{Index: -1}, 5) {
		if r.Tenant != "tenant-2" || r.Principal.User != "user-1" {
			t.Errorf("one user is shown a request of %s in %s", r.Principal.User, r.Tenant)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, scope := range map[string]query.Scope{"nobody": {}, "everyone": query.Everyone()} {
		err := tail.Follow(ctx, log, query.RequestFilter{Filter: query.Filter{Scope: scope}}, accounting.Position{}, func(tail.Row) error { return errEnough })
		if err == nil || errors.Is(err, errEnough) {
			t.Errorf("%s, from now on: %v", name, err)
		}
	}
}
