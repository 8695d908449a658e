package memlog_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/logtest"
	"github.com/llm-hub/llm-hub/events/memlog"
)

func TestOutboxConformance(t *testing.T) {
	disks := map[string]*memlog.Outbox{}
	logtest.RunOutbox(t, func(_ *testing.T, dir string, max uint64) logtest.Outbox {
		if disks[dir] == nil {
			disks[dir] = memlog.NewOutbox(max)
		} else {
			disks[dir] = disks[dir].Reopen()
			disks[dir].Resize(max)
		}
		return disks[dir]
	})
}

func messages(t *testing.T, o *memlog.Outbox) uint64 {
	t.Helper()
	f, err := o.Fill(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return f.Messages
}

func TestOutboxFailPut(t *testing.T) {
	for _, stored := range []bool{false, true} {
		o := memlog.NewOutbox(1 << 20)
		o.FailPut(events.ErrUnavailable, stored)
		if err := o.Put(t.Context(), message(1)); !errors.Is(err, events.ErrUnavailable) {
			t.Errorf("stored %t: %v", stored, err)
		}
		if got := messages(t, o) == 1; got != stored {
			t.Errorf("stored %t: it is %t", stored, got)
		}
		if err := o.Put(t.Context(), message(1)); err != nil || messages(t, o) != 1 {
			t.Errorf("stored %t, again: %v, %d messages", stored, err, messages(t, o))
		}
	}
}

func TestOutboxBreaks(t *testing.T) {
	o := memlog.NewOutbox(1 << 20)
	o.Break(events.ErrUnavailable)
	if err := o.Put(t.Context(), message(1)); !errors.Is(err, events.ErrUnavailable) {
		t.Error(err)
	}
	if _, err := o.After(t.Context(), 0, 1); !errors.Is(err, events.ErrUnavailable) {
		t.Error(err)
	}
	o.Break(nil)
	if got := messages(t, o); got != 0 {
		t.Errorf("%d messages", got)
	}
}

func TestOutboxDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := memlog.NewOutbox(1 << 20)
		o.Delay(time.Second)
		began := time.Now()
		if err := o.Put(t.Context(), message(1)); err != nil || time.Since(began) != time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := o.Put(ctx, message(2)); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if got := messages(t, o); got != 1 {
			t.Errorf("%d messages", got)
		}
	})
}
