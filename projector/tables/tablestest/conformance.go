package tablestest

import (
	"slices"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/tables"
)

const everySeq = 1 << 62

// TestStore checks that a store behaves as [tables.Store] says. The databases
// whose names start with prefix must not exist yet.
func TestStore(t *testing.T, s tables.Store, prefix string) {
	ctx := t.Context()
	first, second := prefix, prefix+"_g2"
	for _, database := range []string{first, first, second} { // to prepare twice is harmless
		if err := s.Prepare(ctx, database); err != nil {
			t.Fatal(err)
		}
	}
	wantCount(t, s, first, 0, everySeq, tables.Counts{})

	batch := tables.Batch{Token: "s:1-10", Rows: someRows(1, 10)}
	for range 3 { // the token counts, not the order of the rows
		if err := s.Insert(ctx, first, batch); err != nil {
			t.Fatal(err)
		}
		slices.Reverse(batch.Rows.Usage)
		slices.Reverse(batch.Rows.Requests)
		slices.Reverse(batch.Rows.Attempts)
	}
	wantCount(t, s, first, 0, everySeq, tables.Counts{Usage: 10, Requests: 10, Attempts: 10})
	wantCount(t, s, first, 3, 5, tables.Counts{Usage: 3, Requests: 3, Attempts: 3})
	wantCount(t, s, second, 0, everySeq, tables.Counts{})

	next := tables.Batch{Token: "s:11-12", Rows: someRows(11, 12)}
	next.Rows.Requests, next.Rows.Attempts = nil, nil
	if err := s.Insert(ctx, first, next); err != nil {
		t.Fatal(err)
	}
	if err := s.Insert(ctx, first, tables.Batch{Token: "s:13-13"}); err != nil {
		t.Fatal("an empty batch:", err)
	}
	wantCount(t, s, first, 0, everySeq, tables.Counts{Usage: 12, Requests: 10, Attempts: 10})

	if err := s.Insert(ctx, second, batch); err != nil { // tokens of one database say nothing about another
		t.Fatal(err)
	}
	wantCount(t, s, second, 0, everySeq, tables.Counts{Usage: 10, Requests: 10, Attempts: 10})
	if err := s.Insert(ctx, prefix+"_g3", batch); err == nil {
		t.Error("inserted into a database that was not prepared")
	}
	testDrop(t, s, second, batch)
}

// testDrop: a month goes from each table for itself, and only what is before the horizon.
func testDrop(t *testing.T, s tables.Store, database string, batch tables.Batch) {
	t.Helper()
	november := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	all, rest := uint64(10), uint64(6) // the first four are of October
	want := func(rows, rolledUp tables.Counts) {
		t.Helper()
		held, err := s.Count(t.Context(), database, tables.Range{To: everySeq})
		if err != nil || held != rows {
			t.Errorf("holds %+v, %v, want %+v", held, err, rows)
		}
		sums, err := s.RolledUp(t.Context(), database, projector.Kept{})
		if err != nil || sums != rolledUp {
			t.Errorf("has rolled up %+v, %v, want %+v", sums, err, rolledUp)
		}
	}
	drop := func(k projector.Kept) {
		t.Helper()
		if err := s.DropBefore(t.Context(), database, k); err != nil {
			t.Fatal(err)
		}
	}
	drop(projector.Kept{})
	drop(projector.Kept{Usage: november.AddDate(0, -1, 0), Requests: november.AddDate(0, -1, 0), Attempts: november.AddDate(-3, 0, 0)})
	want(tables.Counts{Usage: all, Requests: all, Attempts: all}, tables.Counts{Usage: all, Requests: all})

	since := projector.Kept{Usage: november, Attempts: november}
	held, err := s.Count(t.Context(), database, tables.Range{From: 2, To: 9, Since: since})
	if err != nil || held != (tables.Counts{Usage: 5, Requests: 8, Attempts: 5}) {
		t.Errorf("counted %+v of November's usage and attempts, %v", held, err)
	}
	sums, err := s.RolledUp(t.Context(), database, since)
	if err != nil || sums != (tables.Counts{Usage: rest, Requests: all}) {
		t.Errorf("counted %+v as rolled up in November, %v", sums, err)
	}
	for range 2 {
		drop(since)
		want(tables.Counts{Usage: rest, Requests: all, Attempts: rest}, tables.Counts{Usage: all, Requests: all})
	}
	if err := s.Insert(t.Context(), database, batch); err != nil { // as a rival does that was held up
		t.Fatal(err)
	}
	held, err = s.Count(t.Context(), database, tables.Range{To: everySeq, Since: since})
	if err != nil || held != (tables.Counts{Usage: rest, Requests: all, Attempts: rest}) {
		t.Errorf("after a batch came again November has %+v, %v", held, err)
	}
	drop(projector.Kept{Usage: november, Requests: november, Attempts: november, RollUps: november})
	want(tables.Counts{Usage: rest, Requests: rest, Attempts: rest}, tables.Counts{Usage: rest, Requests: rest})
}

func wantCount(t *testing.T, s tables.Store, database string, from, to uint64, want tables.Counts) {
	t.Helper()
	got, err := s.Count(t.Context(), database, tables.Range{From: from, To: to})
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("%s holds %+v from %d to %d, want %+v", database, got, from, to, want)
	}
	if from > 0 {
		return
	}
	rolledUp, err := s.RolledUp(t.Context(), database, projector.Kept{})
	if err != nil {
		t.Fatal(err)
	}
	if rolledUp.Usage != want.Usage || rolledUp.Requests != want.Requests {
		t.Errorf("the roll-ups of %s have %+v rows, want %+v", database, rolledUp, want)
	}
}

// someRows makes a row of each table for each sequence, on both sides of a month's end.
func someRows(from, to uint64) tables.Rows {
	var r tables.Rows
	cost := int64(12)
	for seq := from; seq <= to; seq++ {
		at := accounting.Position{Seq: seq, Index: 3}
		when := time.Date(2026, 10, 31, 23, 59, 50, 5, time.UTC).Add(time.Duration(seq) * 2 * time.Second)
		who := events.Principal{User: "u", Key: "k", Model: "smart"}
		target := events.Target{Provider: "openai", Credential: "main", Model: "gpt-x"}
		r.Usage = append(r.Usage, accounting.Entry{
			At: at, Kind: events.UsageRecordedKind, Time: when, WindowAt: when, Tenant: "acme", Request: "r1", Principal: who,
			Target: target, Attempt: 1, Totals: accounting.Totals{Attempts: 1, Usage: events.Usage{Input: 3}, Cost: 12},
			Charge: &events.Charge{Usage: events.Usage{Input: 3}, CostNanoUSD: &cost, PriceVersion: "p1"}, Source: events.FromVendor,
		})
		r.Requests = append(r.Requests, accounting.End{
			At: at, Time: when, WindowAt: when, Tenant: "acme", Request: "r1", Outcome: events.Completed, Count: 1,
			Finished: events.RequestFinished{Principal: who, Endpoint: "chat.completions", Target: target, Attempts: 1},
		})
		r.Attempts = append(r.Attempts, tables.Attempt{
			At: at, Kind: events.AttemptFailedKind, Time: when, WindowAt: when, Tenant: "acme", Request: "r1", Principal: who,
			Attempt: 1, Target: target, Reason: "timeout",
		})
	}
	return r
}
