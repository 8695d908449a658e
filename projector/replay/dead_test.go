package replay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector/replay"
)

func TestDead(t *testing.T) {
	log := memlog.New()
	for n := range 600 {
		if err := log.Dead(t.Context(), 3, fmt.Sprintf("9.%d", n), "because", []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		selection   replay.Selection
		first, last uint64
		fails       error
	}{
		"all":             {replay.Selection{}, 1, 600, nil},
		"one":             {replay.Selection{From: 7, To: 7}, 7, 7, nil},
		"from":            {replay.Selection{From: 257}, 257, 600, nil},
		"to":              {replay.Selection{To: 256}, 1, 256, nil},
		"more than there": {replay.Selection{From: 599, To: 9000}, 599, 600, nil},
		"none of them":    {replay.Selection{From: 601}, 0, 0, replay.ErrNoDeadLetter},
	}
	for name, tc := range tests {
		var got []uint64
		err := replay.Dead(t.Context(), log, tc.selection, func(d events.DeadLetter) error { got = append(got, d.Seq); return nil })
		if !errors.Is(err, tc.fails) {
			t.Errorf("%s: error %v, want %v", name, err, tc.fails)
		}
		if tc.fails != nil {
			continue
		}
		if got[0] != tc.first || got[len(got)-1] != tc.last || uint64(len(got)) != tc.last-tc.first+1 || !slices.IsSorted(got) {
			t.Errorf("%s: %d to %d, %d of them; want all of %d to %d", name, got[0], got[len(got)-1], len(got), tc.first, tc.last)
		}
	}
	if err := replay.Dead(t.Context(), log, replay.Selection{From: 3, To: 2}, nil); err == nil {
		t.Error("a selection that ends before it begins")
	}
	if err := replay.Dead(context.Background(), memlog.New(), replay.Selection{}, nil); err != nil {
		t.Errorf("all of none: %v", err)
	}
}

func TestReapply(t *testing.T) {
	by := replay.By{Node: "op", Epoch: epoch, At: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)}
	good := events.DeadLetter{Seq: 5, Partition: 3, ID: "1041.3", Raw: []byte(`{"id":"x"}` + "\n")}
	e, err := replay.Reapply(good, by)
	if err != nil {
		t.Fatal(err)
	}
	body, err := events.As[events.DeadReapplied](e)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(events.DeadReapplied{Seq: 1041, Index: 3, Raw: `{"id":"x"}`}, body); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if want := events.ID("op." + epoch + ":dead.reapplied:0:5"); e.ID != want || e.Tenant != events.NoTenant || !e.At.Equal(by.At) {
		t.Errorf("id %s of tenant %s at %s, want %s", e.ID, e.Tenant, e.At, want)
	}

	for _, tc := range []struct {
		name   string
		change func(*events.DeadLetter)
		want   string
	}{
		{"no place", func(d *events.DeadLetter) { d.ID = "elsewhere" }, "not a place"},
		{"no index", func(d *events.DeadLetter) { d.ID = "12" }, "not a place"},
		{"odd index", func(d *events.DeadLetter) { d.ID = "12.+3" }, "not a place"},
		{"sequence 0", func(d *events.DeadLetter) { d.ID = "0.0" }, "not a place"},
		{"index beyond a message", func(d *events.DeadLetter) { d.ID = "1.256" }, "not a place"},
		{"raw unknown", func(d *events.DeadLetter) { d.Raw = nil }, "not known"},
		{"whole message", func(d *events.DeadLetter) { d.Raw = []byte("{}\n{}\n") }, "whole message"},
		{"not text", func(d *events.DeadLetter) { d.Raw = []byte{0xff, 0xfe} }, "not text"},
		{"no partition", func(d *events.DeadLetter) { d.Partition = 16 }, "partition"},
		{"too large", func(d *events.DeadLetter) { d.Raw = []byte(strings.Repeat("x", events.MaxEventSize)) }, "too large"},
	} {
		d := good
		tc.change(&d)
		if _, err := replay.Reapply(d, by); err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "dead letter 5") {
			t.Errorf("%s: error %v, want %q of dead letter 5", tc.name, err, tc.want)
		}
	}
}

// FuzzReapply: whatever a dead letter holds, what is made of it says the same.
func FuzzReapply(f *testing.F) {
	f.Add("1041.3", []byte(`{"id":"x"}`))
	f.Add("01.0", []byte("{}\n"))
	f.Add("18446744073709551615.255", []byte("<>&\u2028"))
	f.Fuzz(func(t *testing.T, id string, raw []byte) {
		e, err := replay.Reapply(events.DeadLetter{Seq: 1, ID: id, Raw: raw}, replay.By{Node: "op", Epoch: epoch})
		if err != nil {
			return
		}
		b, err := events.As[events.DeadReapplied](e)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%d.%d", b.Seq, b.Index); got != id || b.Raw != strings.TrimSuffix(string(raw), "\n") {
			t.Errorf("%s: %q of %q", got, b.Raw, raw)
		}
	})
}
