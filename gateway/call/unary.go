package call

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

// MaxAnswer bounds a vendor's whole answer, in bytes.
const MaxAnswer = 32 << 20

// maxPooled bounds the buffers that are kept for later answers, in bytes.
const maxPooled = 1 << 20

// buffers holds the memory that whole answers are read into. An answer is in it
// only until the client has it.
type buffers struct{ pool sync.Pool }

func (p *buffers) get() *bytes.Buffer {
	if b, ok := p.pool.Get().(*bytes.Buffer); ok {
		return b
	}
	return new(bytes.Buffer)
}

func (p *buffers) put(b *bytes.Buffer) {
	if b.Cap() <= maxPooled {
		b.Reset()
		p.pool.Put(b)
	}
}

// whole delivers an answer in one piece.
func (a *attempt) whole(res *http.Response) error {
	f := a.flight
	buf := f.buffers.get()
	defer f.buffers.put(buf)
	f.facts.FirstByte()
	if err := readWhole(buf, a.body(res), res.ContentLength, cmp.Or(a.out.MaxAnswer, MaxAnswer)); err != nil {
		a.received = int64(buf.Len())
		return a.lost(provider.BadAnswerError(err))
	}
	reply, err := a.out.Unary(buf.Bytes())
	if err != nil {
		if reply.Usage != nil && credible(*reply.Usage) {
			a.charge(*reply.Usage, events.FromVendor)
		}
		return a.lost(err)
	}
	booked := a.chargeWhole(provider.Progress{Usage: reply.Usage, Output: reply.Output, Text: reply.Text}, reply.Counted)
	if reply.WithUsage != nil {
		reply.Body = reply.WithUsage(booked)
		f.client.w.Header().Set(HeaderEstimated, "true")
	}
	f.finish = reply.Finish
	f.cfg.Cooldowns.Served(a.target)
	kind := "application/json"
	if a.out.Verbatim {
		kind = cmp.Or(res.Header.Get("Content-Type"), kind)
	}
	return f.respond(reply, kind)
}

// respond gives the client a whole answer of a kind, once the log has what it must.
func (f *flight) respond(reply provider.Reply, kind string) error {
	if f.client.gone() {
		return errHungUp
	}
	if err := f.mayBegin(); err != nil {
		return err
	}
	if err := f.mayEnd(); err != nil {
		return err
	}
	f.keep(reply.Kept)
	h := f.client.w.Header()
	f.describe(h)
	f.confess(h)
	cost := f.bill.header()
	h.Set("x-llmhub-cost", cost)
	if cost != unknownCost {
		h.Set("x-litellm-response-cost", cost)
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(reply.Body)))
	if !f.client.respond(reply.Body) {
		return errHungUp
	}
	return nil
}

// readWhole reads an answer of at most so many bytes.
func readWhole(buf *bytes.Buffer, r io.Reader, length, most int64) error {
	if length > most {
		return fmt.Errorf("the answer has %d bytes, more than %d", length, most)
	}
	if length > 0 {
		buf.Grow(int(length) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(r, most+1))
	if err != nil {
		return err
	}
	if n > most {
		return fmt.Errorf("the answer has more than %d bytes", most)
	}
	return nil
}
