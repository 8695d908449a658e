package call

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

// streamed delivers an answer piece by piece.
func (a *attempt) streamed(res *http.Response) error {
	if err := checkEventStream(res.Header); err != nil {
		return a.lost(provider.BadAnswerError(err))
	}
	f := a.flight
	a.stream = a.out.Stream(a.body(res))
	chunk, err := a.stream.Next()
	if errors.Is(err, io.EOF) {
		err = provider.BadAnswerError(errors.New("the stream is empty"))
	}
	if err != nil {
		return a.lost(err)
	}
	f.facts.FirstByte()
	if err := f.mayBegin(); err != nil && !errors.Is(err, errHungUp) {
		a.chargePart(a.stream.Progress())
		return err
	}
	f.begin(res.Header.Get("Content-Type"))
	if err := a.pump(chunk); !errors.Is(err, io.EOF) {
		return a.cut(err)
	}
	err = a.complete()
	a.finish(res)
	return err
}

// finish reads what may follow the end of a stream, so that the connection can be
// used again; it is not worth waiting for.
func (a *attempt) finish(res *http.Response) {
	const worth, most = 50 * time.Millisecond, 4 << 10
	a.patience.expect(worth, errIdle)
	_, _ = io.CopyN(io.Discard, res.Body, most) // a connection that cannot be used again is closed
	a.patience.rest()
}

// begin sends the header of a stream, with all that is known before its end. kind is
// the vendor's Content-Type.
func (f *flight) begin(kind string) {
	if f.client.gone() {
		return
	}
	h := f.client.w.Header()
	f.describe(h)
	f.confess(h)
	switch {
	case f.req.Inbound.Raw:
		h.Set("Content-Type", cmp.Or(kind, "application/octet-stream"))
	case f.req.Inbound.Array:
		h.Set("Content-Type", "application/json; charset=utf-8")
	default:
		h.Set("Content-Type", "text/event-stream; charset=utf-8")
	}
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no") // a proxy in front must not collect the events
	f.client.startStream(f.req.Inbound.Comments())
}

// pump sends chunk and all that follows, until the vendor ends its stream, which
// is io.EOF, or it breaks. When the client hangs up it goes on for a while, so
// that the vendor tells the usage.
func (a *attempt) pump(chunk []byte) error {
	f := a.flight
	marks := newCheckpoints(a)
	defer marks.stop()
	seen := int64(0) // tokens that the client got
	for {
		f.client.send(chunk)
		p := a.stream.Progress()
		marks.note(p)
		switch {
		case !f.client.gone():
			seen = p.Output
		case p.Output >= seen+drainTokens:
			return errDrained
		}
		var err error
		if chunk, err = a.stream.Next(); err != nil {
			return err
		}
	}
}

// complete ends a stream that the vendor ended well.
func (a *attempt) complete() error {
	f := a.flight
	p := a.stream.Progress()
	a.chargeWhole(p, nil)
	f.finish = p.Finish
	f.cfg.Cooldowns.Served(a.target)
	if f.client.gone() {
		return errHungUp
	}
	if err := f.mayEnd(); err != nil {
		a.abort(gateway.AsError(err))
		return err
	}
	trailer := a.stream.Trailer(provider.Bill{Request: f.req.ID, CostNanoUSD: f.bill.total()})
	f.keep(provider.KeptBy(a.stream))
	if !f.client.send(trailer) {
		return errHungUp
	}
	return nil
}

// keep remembers what is kept of the answer, while the client has not all of it: who
// has may go on from it.
func (f *flight) keep(k *provider.Kept) {
	if k != nil && f.req.Keep != nil {
		f.req.Keep(f.client.ctx, f.last, *k)
	}
}

// cut ends a stream that broke after it began.
func (a *attempt) cut(err error) error {
	if cause := context.Cause(a.ctx); cause != nil {
		err = cause
	}
	a.chargePart(a.stream.Progress())
	if abandoned(err) {
		return errHungUp
	}
	f := classify(err)
	told := public(f, err)
	f.Class = provider.Cut
	a.flight.note(a, f)
	if a.flight.client.gone() {
		return errHungUp
	}
	a.abort(told)
	return told
}

// checkEventStream refuses what is plainly no event stream; some vendors call
// theirs by odd names or by none.
func checkEventStream(h http.Header) error {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return nil
	}
	switch kind {
	case "text/html", "application/json", "application/xml":
		return fmt.Errorf("the answer is %s, not an event stream", kind)
	}
	return nil
}
