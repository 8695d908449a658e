package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"
)

// answerTimeout bounds how long one cell may run over its time, waiting for its last answers.
const answerTimeout = 30 * time.Second

// A load is clients that each send the same request again and again, for a while, over a
// connection of their own.
type load struct {
	address  string // host:port
	request  []byte
	events   int // that a whole answer has at least; 0: not a stream
	clients  int
	duration time.Duration
}

// A tally is what became of a load. Each client's first request opens its connection: it is
// counted in sent and whole, and not measured.
type tally struct {
	sent   int // requests
	whole  int // answers that came to their end
	failed int // no answer, or another status than 200
	torn   int // answers that broke off
	why    error

	measured  int             // whole answers to measured requests
	events    int             // in those
	latencies []time.Duration // of those, sorted
	firsts    []time.Duration // to the first byte, or the first event of a stream; sorted
	elapsed   time.Duration   // until the last of them
}

func (t *tally) add(u *tally) {
	t.sent += u.sent
	t.whole += u.whole
	t.failed += u.failed
	t.torn += u.torn
	t.measured += u.measured
	t.events += u.events
	t.latencies = append(t.latencies, u.latencies...)
	t.firsts = append(t.firsts, u.firsts...)
	if t.why == nil {
		t.why = u.why
	}
}

// run applies the load. Requests in flight when the time is over come to their end. The error
// tells that there is nothing to talk to, or that ctx ended.
func (l load) run(parent context.Context) (*tally, error) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	workers := make([]*worker, l.clients)
	for i := range workers {
		w, err := l.connect(ctx)
		if err != nil {
			return nil, errors.Join(err, closeAll(workers[:i]))
		}
		workers[i] = w
	}
	begin := l.together(ctx, workers)
	total := &tally{elapsed: time.Since(begin)}
	for _, w := range workers {
		total.add(&w.tally)
	}
	slices.Sort(total.latencies)
	slices.Sort(total.firsts)
	return total, errors.Join(parent.Err(), closeAll(workers))
}

// together lets every worker open with one request, starts them at the same moment, waits for
// all and tells when they started.
func (l load) together(ctx context.Context, workers []*worker) time.Time {
	var opened, ended sync.WaitGroup
	start := make(chan struct{})
	var begin time.Time // written before start is closed
	opened.Add(len(workers))
	for _, w := range workers {
		ended.Go(func() {
			w.once(ctx)
			opened.Done()
			<-start
			w.loop(ctx, begin.Add(l.duration))
		})
	}
	opened.Wait()
	begin = time.Now()
	close(start)
	ended.Wait()
	return begin
}

// A worker is one client.
type worker struct {
	load
	conn *connection // nil after a failure that could not be mended
	tally
}

func (l load) connect(ctx context.Context) (*worker, error) {
	w := &worker{load: l}
	return w, w.dial(ctx)
}

func (w *worker) dial(ctx context.Context) error {
	var (
		d       net.Dialer
		longAgo = time.Unix(1, 0) // as a deadline it ends what waits
	)
	c, err := d.DialContext(ctx, "tcp", w.address)
	if err != nil {
		return err
	}
	if err := c.SetDeadline(time.Now().Add(w.duration + answerTimeout)); err != nil {
		return errors.Join(err, c.Close())
	}
	context.AfterFunc(ctx, func() { _ = c.SetDeadline(longAgo) }) // closed already is fine
	w.conn = newConnection(c)
	return nil
}

// loop sends until the deadline, one request after the other, but at least one: where the
// machine is busy the deadline may be over before the worker begins.
func (w *worker) loop(ctx context.Context, deadline time.Time) {
	for sent := 0; ctx.Err() == nil && w.conn != nil; sent++ {
		begin := time.Now()
		if sent > 0 && begin.After(deadline) {
			return
		}
		a, ok := w.once(ctx)
		if !ok {
			continue
		}
		w.measured++
		w.tally.events += a.events
		w.latencies = append(w.latencies, time.Since(begin))
		w.firsts = append(w.firsts, a.first.Sub(begin))
	}
}

// once makes one request; ok says that the answer is whole. A connection that is of no use any
// more is replaced.
func (w *worker) once(ctx context.Context) (a answer, ok bool) {
	w.sent++
	a, err := w.conn.do(w.request, w.load.events)
	switch {
	case err == nil:
		w.whole++
	case errors.Is(err, errTorn):
		w.torn++
		w.note(err)
	default:
		w.failed++
		w.note(err)
	}
	if err != nil || a.closes {
		w.conn.Close()
		w.conn = nil
		if err := w.dial(ctx); err != nil {
			w.note(fmt.Errorf("connect again: %w", err))
		}
	}
	return a, err == nil
}

// note keeps the first reason.
func (w *worker) note(err error) {
	if w.why == nil {
		w.why = err
	}
}

func closeAll(workers []*worker) error {
	var errs []error
	for _, w := range workers {
		if w.conn != nil {
			errs = append(errs, w.conn.Close())
		}
	}
	return errors.Join(errs...)
}

// selfCPU is the processor time this process has used.
func selfCPU() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
