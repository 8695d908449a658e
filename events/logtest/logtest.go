// Package logtest is what every log must pass. A log that does can stand under
// the gateway and the projector.
package logtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Log is everything a log offers.
type Log interface {
	events.Appender
	events.Reader
	events.Trimmer
	events.Bucket
	events.Watchable

	// Dead keeps what could not be applied; the same id is kept once.
	Dead(ctx context.Context, p events.Partition, id, reason string, raw []byte) error
	// DeadLetters returns at most limit dead letters from sequence from on.
	DeadLetters(ctx context.Context, from uint64, limit int) ([]events.DeadLetter, error)
	// AppendControl appends c if the control stream's last sequence is after,
	// else it fails with events.ErrConflict. It returns the new sequence.
	AppendControl(ctx context.Context, after uint64, c events.Command) (uint64, error)
	// Commands returns at most limit commands from sequence from on.
	Commands(ctx context.Context, from uint64, limit int) ([]events.Command, error)
	// ControlInfo describes the control stream.
	ControlInfo(ctx context.Context) (events.Info, error)
	// FollowControl tells of commands from sequence from on, and of those to come.
	FollowControl(ctx context.Context, from uint64) (events.Cursor, error)
	// RaiseAlert keeps e unless the log holds an alert of that id.
	RaiseAlert(ctx context.Context, id string, e events.Event) (raised bool, err error)
	// Alerts returns at most limit alerts from sequence from on.
	Alerts(ctx context.Context, from uint64, limit int) ([]events.Stored, error)
	// FollowAlerts reads alerts from sequence from on, and those to come.
	FollowAlerts(ctx context.Context, from uint64) (events.Cursor, error)
	// Skew is how far our clock is ahead of the log's.
	Skew(ctx context.Context) (time.Duration, error)
	// Healthy is nil while the log works.
	Healthy(ctx context.Context) error
	// Close ends everything that reads; later calls fail.
	Close()
}

// Keys is a bucket whose entries may lapse.
type Keys interface {
	events.Bucket
	events.Watchable
	events.Lapsing
}

// Opened is a log under test, with its other buckets.
type Opened struct {
	Log
	Leases, Nodes Keys
}

// timeout bounds one case; only a broken log comes near it.
const timeout = 3 * time.Minute

// epoch is the producer of the suite's messages.
const epoch events.Epoch = "0192f0c1-2222-7000-8000-000000000001"

// keys is what every bucket of a log offers.
type keys interface {
	events.Bucket
	events.Watchable
}

// Run runs every case, each on a new log that open makes and cleans up after.
func Run(t *testing.T, open func(t *testing.T) Opened) {
	cases := map[string]func(s *suite){
		"append/sequences rise by one":    appendSequences,
		"append/repeated id":              appendRepeated,
		"append/many at once":             appendConcurrent,
		"append/refuses broken messages":  appendRefuses,
		"append/does not keep the buffer": appendCopies,
		"append/after close":              appendClosed,
		"read/new log":                    readNewLog,
		"read/one message":                readOne,
		"read/range":                      readRange,
		"read/partitions":                 readPartitions,
		"read/follows":                    readFollows,
		"read/follows partitions":         readFollowsPartitions,
		"read/waits for its end":          readWaits,
		"read/closed":                     readClosed,
		"read/cancelled":                  readCancelled,
		"read/log closed":                 readLogClosed,
		"read/slow reader":                readSlow,
		"trim/beginning":                  trimBeginning,
		"trim/under a reader":             trimUnderReader,
		"watch/log closed":                watchLogClosed,
		"lapse/gone after a while":        lapseGone,
		"lapse/put again in time":         lapseRenewed,
		"lapse/deleted before":            lapseDeleted,
		"lapse/refuses":                   lapseRefuses,
		"dead/kept once":                  deadOnce,
		"dead/pages":                      deadPages,
		"alerts/raised once":              alertsOnce,
		"alerts/pages":                    alertsPages,
		"alerts/followed":                 alertsFollowed,
		"control/begins with hub.created": controlBegins,
		"control/chain":                   controlChain,
		"control/conflict":                controlConflict,
		"control/followed":                controlFollowed,
		"health":                          health,
	}
	for name, run := range bucketCases() {
		cases[name] = everyBucket(run)
	}
	for name, run := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of them wait for a disk
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			log := open(t)
			defer log.Close()
			run(&suite{T: t, ctx: ctx, log: log, bucket: log, counters: map[events.Partition]uint64{}})
		})
	}
}

// bucketCases are the cases that every bucket of a log must pass.
func bucketCases() map[string]func(s *suite) {
	return map[string]func(s *suite){
		"bucket/new":                        bucketNew,
		"bucket/put and replace":            bucketReplace,
		"bucket/revisions of a commit":      bucketRevisions,
		"bucket/conflicts":                  bucketConflicts,
		"bucket/all or none":                bucketAtomic,
		"bucket/delete":                     bucketDelete,
		"bucket/list":                       bucketList,
		"bucket/largest commit":             bucketLargest,
		"bucket/refuses":                    bucketRefuses,
		"bucket/rivals":                     bucketRivals,
		"bucket/created":                    bucketCreated,
		"watch/empty":                       watchEmpty,
		"watch/present keys, then changes":  watchChanges,
		"watch/prefix":                      watchPrefix,
		"watch/last value is never skipped": watchFinal,
		"watch/deleted before and after":    watchDeleted,
		"watch/cancelled":                   watchCancelled,
	}
}

// everyBucket runs a case on each bucket of a log, one beside the other.
func everyBucket(run func(s *suite)) func(s *suite) {
	return func(s *suite) {
		for name, b := range map[string]keys{"counters": s.log, "leases": s.log.Leases, "nodes": s.log.Nodes} {
			s.Run(name, func(t *testing.T) {
				run(&suite{T: t, ctx: s.ctx, log: s.log, bucket: b, counters: s.counters})
			})
		}
	}
}

// suite is one case under way.
type suite struct {
	*testing.T
	ctx      context.Context
	log      Opened
	bucket   keys // the one that the case is about
	counters map[events.Partition]uint64
}

// message makes the next message of a partition, with count events.
func (s *suite) message(p events.Partition, count int) events.Message {
	s.Helper()
	s.counters[p]++
	return message(s.T, p, s.counters[p], count)
}

func message(t *testing.T, p events.Partition, counter uint64, count int) events.Message {
	t.Helper()
	m := events.Message{ID: events.MessageID{Node: "n1", Epoch: epoch, Partition: p, Counter: counter}, Count: count}
	for n := range count {
		e, err := events.New(events.Head{
			At: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), Node: "n1", Tenant: "acme", Epoch: epoch,
			Request: events.RequestID(fmt.Sprintf("r-%s-%d-%d", p, counter, n)),
		}, events.NodeHeartbeat{Epoch: epoch})
		if err != nil {
			t.Fatal(err)
		}
		line, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		m.Data = append(append(m.Data, line...), '\n')
	}
	return m
}

// append appends m, which must be new.
func (s *suite) append(m events.Message) uint64 {
	s.Helper()
	ack, err := s.log.Append(s.ctx, m)
	if err != nil {
		s.Fatal(err)
	}
	if ack.Duplicate {
		s.Fatalf("message %s is called a duplicate", m.ID)
	}
	return ack.Seq
}

// fill appends n messages, to partitions 0, 1, 2, 0, 1, ..., and returns them.
func (s *suite) fill(n int) []events.Message {
	s.Helper()
	ms := make([]events.Message, n)
	for i := range ms {
		ms[i] = s.message(events.Partition(i%3), 1+i%2)
		s.append(ms[i])
	}
	return ms
}

func (s *suite) read(r events.Range) events.Cursor {
	s.Helper()
	c, err := s.log.Read(s.ctx, r)
	if err != nil {
		s.Fatal(err)
	}
	return c
}

// next takes the next message of c, which must come.
func (s *suite) next(c events.Cursor) events.Stored {
	s.Helper()
	select {
	case m, ok := <-c.C():
		if !ok {
			s.Fatalf("cursor ended: %v", c.Err())
		}
		return m
	case <-s.ctx.Done():
		s.Fatal("no message came")
	}
	return events.Stored{}
}

// rest takes messages until the cursor ends.
func (s *suite) rest(c events.Cursor) []events.Stored {
	s.Helper()
	var out []events.Stored
	for {
		select {
		case m, ok := <-c.C():
			if !ok {
				return out
			}
			out = append(out, m)
		case <-s.ctx.Done():
			s.Fatal("the cursor did not end")
		}
	}
}
