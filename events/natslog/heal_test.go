//go:build linux || darwin

package natslog_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/natslog"
	"github.com/llm-hub/llm-hub/events/natslog/embedded"
)

// fullAt is the size of a file at which the disk seems to be full: more than anything
// else that this process writes, as the list of files that a test was seen to open.
const fullAt = 512 << 10

// limitFiles lets no file of this process grow beyond size until lift is called:
// a disk without space, for whoever writes.
func limitFiles(t *testing.T, size uint64) (lift func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	lift = func() { _ = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before) } // raising to what it was is always allowed
	t.Cleanup(lift)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	return lift
}

// startHealing starts a server that soon notices that it cannot write.
func startHealing(t *testing.T) *embedded.Server {
	t.Helper()
	server, err := embedded.Start(embedded.Config{
		Dir: t.TempDir(), Class: natslog.Dev, MaxBytes: testBytes, Logger: slog.New(slog.DiscardHandler),
		HealEvery: 20 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// TestWritesAgainAfterAFullDisk: a store that could not write keeps what it has
// acknowledged, and writes again, in order, when it can, without a restart of the
// process. It does not run beside other tests, whose files would be limited too.
func TestWritesAgainAfterAFullDisk(t *testing.T) { //nolint:paralleltest // see above
	server := startHealing(t)
	l := openLog(t, server)
	t.Cleanup(l.Close)
	lift := limitFiles(t, fullAt)
	refused, counter := 0, uint64(1)
	for ; refused == 0; counter++ {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_, err := l.Append(ctx, message(3, counter))
		cancel()
		if err != nil {
			refused++
			counter--
		}
	}
	lift()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for last := counter + 20; counter <= last; counter++ {
		if err := insist(ctx, l, message(3, counter)); err != nil {
			t.Fatal(err)
		}
	}
	info, err := l.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(1); seq <= info.Last; seq++ {
		m, err := l.At(ctx, seq)
		if err != nil || m.ID.Counter != seq {
			t.Fatalf("sequence %d holds counter %d, %v", seq, m.ID.Counter, err)
		}
	}
}

// TestOutboxAfterAFullDisk: the same of an outbox. Its publisher repeats what was
// refused, so in the end it holds everything once.
func TestOutboxAfterAFullDisk(t *testing.T) { //nolint:paralleltest // as above
	o := openOutbox(t, startHealing(t), 0)
	t.Cleanup(o.Close)
	lift := limitFiles(t, fullAt)
	put := func(limit time.Duration, counter uint64) error {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		return o.Put(ctx, message(3, counter))
	}
	refused := uint64(1)
	for put(300*time.Millisecond, refused) == nil {
		refused++
	}
	lift()
	last := refused + 20
	for n := refused; n <= last; n++ {
		for err := events.ErrUnavailable; err != nil; {
			if err = put(time.Second, n); err != nil && !errors.Is(err, events.ErrUnavailable) {
				t.Fatal(err)
			}
		}
	}
	held, err := o.After(t.Context(), 0, int(last)+10)
	if err != nil || len(held) != int(last) {
		t.Fatalf("%d messages, want %d; %v", len(held), last, err)
	}
	for i, m := range held {
		if m.ID.Counter != uint64(i)+1 {
			t.Fatalf("message %d is %s", i, m.ID)
		}
	}
}

// fullRelay stands before a server whose disk has no space.
type fullRelay struct{ *relay }

func (fullRelay) Healthy() error { return fmt.Errorf("disk: %w", events.ErrFull) }

// TestFullDiskIsFull: a log that does not answer because it has no space says so,
// and new requests are refused for it.
func TestFullDiskIsFull(t *testing.T) {
	t.Parallel()
	r := &relay{}
	r.up(t, t.TempDir())
	l := openLog(t, fullRelay{r})
	t.Cleanup(l.Close)
	r.down()
	if _, err := l.Append(t.Context(), message(3, 1)); !errors.Is(err, events.ErrFull) {
		t.Errorf("%v, want %v", err, events.ErrFull)
	}
}
