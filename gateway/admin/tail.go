package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/auth"
)

// Bounds of a live tail.
const (
	maxTails      = 20               // at a time, of this process
	maxTailsEach  = 5                // of these, of one tenant's people
	tailRows      = 50               // shown in a second; the others are counted
	tailBuffer    = 256              // rows read ahead
	tailHeartbeat = 15 * time.Second // of silence
	tailRetry     = 2 * time.Second  // a browser waits before it comes back
)

// Place is a place in the log: an event of a message.
type Place struct {
	Seq   uint64
	Index int
}

// String is the id of a row of the tail.
func (p Place) String() string { return fmt.Sprintf("%d.%d", p.Seq, p.Index) }

// readPlace reads where to go on: a browser that comes back says it in a header.
func readPlace(p *params, h http.Header) Place {
	s, name := p.text("after"), "after"
	if last := h.Get("Last-Event-ID"); last != "" {
		s, name = last, "Last-Event-ID"
	}
	if s == "" {
		return Place{}
	}
	seq, index, found := strings.Cut(s, ".")
	var at Place
	var err, indexErr error
	at.Seq, err = strconv.ParseUint(seq, 10, 63)
	at.Index, indexErr = strconv.Atoi(index)
	if !found || err != nil || indexErr != nil || at.Index < 0 || at.Seq == 0 {
		p.wrong(name, "%q is not the id of a row", s)
	}
	return at
}

// tail writes requests as they end, as server-sent events. The id of each is its
// place in the log.
func (a *API) tail(c echo.Context) error {
	p := newParams(c)
	var f TrafficFilter
	f.readWhere(p, slices.Concat(names(), requestDimensions()))
	f.readBounds(p)
	after := readPlace(p, c.Request().Header)
	if err := p.done(); err != nil {
		return err
	}
	f.Scope, f.Zone = scopeOf(c), time.UTC
	if a.cfg.Tail == nil {
		return absent("The log")
	}
	tenant := auth.From(c.Request().Context()).Tenant
	if !a.tails.take(tenant) {
		return &gateway.Error{Kind: gateway.Unavailable, Public: "So many live tails are open already that there is no place for one more.", RetryAfter: tailHeartbeat}
	}
	defer a.tails.free(tenant)
	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
	rows, ended := make(chan tailRow, tailBuffer), make(chan error, 1)
	go func() {
		ended <- a.cfg.Tail(ctx, f, after, func(at Place, row any) error {
			data, err := json.Marshal(row)
			if err != nil {
				return err
			}
			select {
			case rows <- tailRow{at, data}:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	w := newTailWriter(c)
	err := w.run(ctx, rows, ended, a.watch(c).still)
	cancel()
	if err == nil || errors.Is(err, context.Canceled) {
		return nil
	}
	return w.fail(err)
}

type tailRow struct {
	at   Place
	data []byte
}

// tailWriter writes server-sent events. A reader that takes nothing for so long as
// package web allows is disconnected. The header leaves with the first, so that
// what fails before is an error with a status of its own.
type tailWriter struct {
	c      echo.Context
	rc     *http.ResponseController
	begun  bool
	dirty  bool
	spoke  time.Time
	shown  int   // in this second
	hidden int   // since it was last told
	last   Place // of the hidden ones
}

func newTailWriter(c echo.Context) *tailWriter {
	return &tailWriter{c: c, rc: http.NewResponseController(c.Response()), spoke: time.Now()}
}

// run writes until the reader goes or nothing more can come.
func (w *tailWriter) run(ctx context.Context, rows <-chan tailRow, ended <-chan error, allowed func() error) error {
	flush, second, check := time.NewTicker(flushEvery), time.NewTicker(time.Second), time.NewTicker(again)
	defer flush.Stop()
	defer second.Stop()
	defer check.Stop()
	for {
		var err error
		select {
		case r := <-rows:
			err = w.row(r)
		case <-flush.C:
			err = w.beat()
		case <-second.C:
			w.shown = 0
			err = w.tellHidden()
		case <-check.C:
			err = allowed()
		case err = <-ended:
			if err == nil {
				err = context.Canceled
			}
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

func (w *tailWriter) row(r tailRow) error {
	if w.shown == tailRows {
		w.hidden++
		w.last = r.at
		return nil
	}
	w.shown++
	return w.write(fmt.Sprintf("id: %s\ndata: %s\n\n", r.at, r.data))
}

// tellHidden says how many rows were left out.
func (w *tailWriter) tellHidden() error {
	if w.hidden == 0 {
		return nil
	}
	n := w.hidden
	w.hidden = 0
	return w.write(fmt.Sprintf("id: %s\nevent: hidden\ndata: {\"count\":%d}\n\n", w.last, n))
}

// beat sends what waits, or after a long silence a sign of life.
func (w *tailWriter) beat() error {
	if !w.begun {
		if err := w.write(fmt.Sprintf("retry: %d\n\n", tailRetry.Milliseconds())); err != nil {
			return err
		}
	}
	if !w.dirty && time.Since(w.spoke) >= tailHeartbeat {
		if err := w.write(": alive\n\n"); err != nil {
			return err
		}
	}
	if !w.dirty {
		return nil
	}
	w.dirty, w.spoke = false, time.Now()
	return w.rc.Flush()
}

func (w *tailWriter) write(s string) error {
	if !w.begun {
		w.begun = true
		h := w.c.Response().Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("X-Accel-Buffering", "no") // proxies must not wait for more
		w.c.Response().WriteHeader(http.StatusOK)
	}
	w.dirty = true
	_, err := w.c.Response().Write([]byte(s))
	return err
}

// fail tells what went wrong: as an event, once something was written.
func (w *tailWriter) fail(err error) error {
	if !w.begun {
		return err
	}
	e := gateway.AsError(err)
	detail, _ := json.Marshal(map[string]string{"code": string(e.Kind), "detail": e.Public}) // strings always encode
	_ = w.write("event: error\ndata: " + string(detail) + "\n\n")                            // a reader that is gone misses nothing
	_ = w.rc.Flush()
	return err
}
