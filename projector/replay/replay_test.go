package replay_test

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector/replay"
)

const epoch = "0190a1b2-0000-7000-8000-000000000001"

// fill appends four messages, a minute apart: two events of acme, one of zebra,
// one that is no event beside one of acme, and one of acme.
func fill(t *testing.T, log *memlog.Log) {
	t.Helper()
	counters := map[events.Partition]uint64{}
	add := func(tenant events.TenantID, lines ...string) {
		p := events.PartitionOf(tenant)
		counters[p]++
		data := ""
		for _, l := range lines {
			data += l + "\n"
		}
		_, err := log.Append(t.Context(), events.Message{
			ID: events.MessageID{Node: "n1", Epoch: epoch, Partition: p, Counter: counters[p]}, Count: len(lines), Data: []byte(data),
		})
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute) // of the bubble
	}
	add("acme", event(t, "acme", "r1", 1), event(t, "acme", "r2", 1))
	add("zebra", event(t, "zebra", "r3", 1))
	add("acme", "no event", event(t, "acme", "r2", 2))
	add("acme", event(t, "acme", "r4", 1))
}

func event(t *testing.T, tenant events.TenantID, request events.RequestID, attempt int) string {
	t.Helper()
	e, err := events.New(events.Head{
		At: time.Now(), Node: "n1", Tenant: tenant, Request: request, WindowAt: time.Now(), Attempt: attempt,
	}, events.AttemptFailed{Principal: events.Principal{Key: "k", Model: "m"}, Attempt: attempt, Class: "timeout"})
	if err != nil {
		t.Fatal(err)
	}
	line, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		log := memlog.New()
		fill(t, log)
		at := func(minutes int) replay.Bound {
			return replay.Bound{Time: start.Add(time.Duration(minutes) * time.Minute)}
		}
		seq := func(n uint64) replay.Bound { return replay.Bound{Seq: n} }
		tests := map[string]struct {
			filter replay.Filter
			want   []string // sequence.index:request
		}{
			"all":              {replay.Filter{}, []string{"1.0:r1", "1.1:r2", "2.0:r3", "3.1:r2", "4.0:r4"}},
			"tenant":           {replay.Filter{Tenant: "zebra"}, []string{"2.0:r3"}},
			"request":          {replay.Filter{Request: "r2"}, []string{"1.1:r2", "3.1:r2"}},
			"kind":             {replay.Filter{Kind: events.UsageRecordedKind}, nil},
			"from seq":         {replay.Filter{From: seq(3)}, []string{"3.1:r2", "4.0:r4"}},
			"to seq":           {replay.Filter{To: seq(2)}, []string{"1.0:r1", "1.1:r2", "2.0:r3"}},
			"beyond the end":   {replay.Filter{From: seq(99)}, nil},
			"from time":        {replay.Filter{From: at(2)}, []string{"3.1:r2", "4.0:r4"}},
			"to time":          {replay.Filter{To: at(1)}, []string{"1.0:r1", "1.1:r2", "2.0:r3"}},
			"between times":    {replay.Filter{From: at(1), To: at(2)}, []string{"2.0:r3", "3.1:r2"}},
			"before the start": {replay.Filter{To: at(-1)}, nil},
			"after the end":    {replay.Filter{From: at(60)}, nil},
		}
		for name, tc := range tests {
			var got []string
			err := replay.Run(t.Context(), log, tc.filter, func(r replay.Record) error {
				got = append(got, strconv.FormatUint(r.Seq, 10)+"."+strconv.Itoa(r.Index)+":"+string(r.Decoded().Request))
				return nil
			})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", name, diff)
			}
		}
	})
}

func TestRunOfAnEmptyLog(t *testing.T) {
	err := replay.Run(context.Background(), memlog.New(), replay.Filter{}, func(r replay.Record) error {
		t.Errorf("record %v", r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
