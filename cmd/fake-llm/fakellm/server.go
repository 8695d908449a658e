package fakellm

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxBodyBytes = 64 << 20
	// maxPooledBytes is the largest request buffer that is kept for reuse.
	maxPooledBytes = 1 << 20
	badKeyPrefix   = "bad"
	directiveName  = "X-Fake-Llm" // header
	directiveQuery = "fake"
)

// Config says how a Server is. The zero value is good for tests.
type Config struct {
	Seed          uint64 // of ids and dice
	LedgerRecords int    // requests remembered one by one; 0: DefaultLedgerRecords
	TotalsOnly    bool   // remember no single requests, for bounded memory under load
}

// Server is the fake vendor, an http.Handler. Safe for concurrent use. It needs HTTP/1.1
// connections to tear them; elsewhere (HTTP/2, httptest.ResponseRecorder) a cut response just ends.
type Server struct {
	seed     uint64
	wires    map[Vendor]*wire // of chat
	vertex   map[string]*wire // of chat in Google's cloud, by publisher
	embeds   map[Vendor]*wire // of embeddings
	ranks    map[Vendor]*wire // of rankings
	complete map[Vendor]*wire // of legacy completions
	respond  map[Vendor]*wire // of the Responses API
	memory   *memory
	tasks    map[Vendor]*wire // of all that is no text
	bench    map[Vendor]*benchReply
	ledger   *ledger
	behavior behavior
	quotas   quotas
	tokens   tokens
	arrivals atomic.Uint64
	draws    atomic.Uint64
	buffers  sync.Pool // of *bytes.Buffer, for request bodies
}

// New makes a Server with an empty ledger and no rules.
func New(cfg Config) *Server {
	capacity := cfg.LedgerRecords
	if capacity <= 0 {
		capacity = DefaultLedgerRecords
	}
	if cfg.TotalsOnly {
		capacity = 0
	}
	s := &Server{
		seed: cfg.Seed, wires: wires(), embeds: embeddingWires(), ranks: rerankWires(),
		complete: map[Vendor]*wire{OpenAI: completionWire(), Azure: inAzure(completionWire())},
		tasks:    map[Vendor]*wire{OpenAI: taskWire(), Azure: inAzure(taskWire())},
		respond:  map[Vendor]*wire{OpenAI: responsesWire(), Azure: azureResponsesWire()}, memory: newMemory(), bench: map[Vendor]*benchReply{}, ledger: newLedger(capacity),
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
	s.vertex = s.vertexWires()
	for v, w := range s.wires {
		s.bench[v] = newBenchReply(w, cfg.Seed)
	}
	return s
}

// SetBehavior adds a rule, or replaces the one with the same match.
func (s *Server) SetBehavior(r Rule) error { return s.behavior.set(r) }

// ClearBehavior removes all rules.
func (s *Server) ClearBehavior() { s.behavior.clear() }

// Ledger gives the totals and up to limit records with a sequence above since.
func (s *Server) Ledger(since uint64, limit int) Snapshot { return s.ledger.snapshot(since, limit) }

// ResetLedger forgets all requests that have ended.
func (s *Server) ResetLedger() { s.ledger.reset() }

// Settle waits until no request is in flight, so that the ledger is complete.
func (s *Server) Settle(ctx context.Context) error { return s.ledger.settle(ctx) }

// ServeHTTP answers vendor requests and the fake's own endpoints below /_fake/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, adminPrefix) {
		s.admin(w, r)
		return
	}
	if r.URL.Path == tokenPath {
		s.serveToken(w, r)
		return
	}
	rt := findRoute(r)
	wire := s.wireOf(rt)
	x := &exchange{
		server: s, w: w, rc: http.NewResponseController(w), r: r, wire: wire, route: rt,
		call: call{
			model: rt.model, stream: rt.stream, choices: 1, created: time.Now(),
			ids: newIDSource(s.seed, s.arrivals.Add(1)), key: wire.key(r), memory: s.memory, task: taskCall{task: rt.task},
		},
	}
	switch rt.op {
	case opChat, opEmbed, opComplete, opRank, opRespond, opTask:
		s.book(x)
		return
	}
	if f := wire.authenticate(wire.key(r)); f != nil {
		x.fail(f)
		return
	}
	switch rt.op {
	case opModels:
		x.document(wire.models(modelNames(rt.vendor)))
	case opModel:
		x.document(wire.model(rt.model))
	case opCount, opRespondCount:
		x.count()
	case opKept:
		x.kept()
	default:
		x.fail(&failure{
			status: http.StatusNotFound, reason: reasonNoRoute,
			message: fmt.Sprintf("Invalid URL (%s %s)", r.Method, r.URL.Path),
		})
	}
}

func (s *Server) wireOf(rt route) *wire {
	if rt.vendor == Vertex {
		return s.vertex[cmp.Or(rt.publisher, publisherGoogle)]
	}
	switch rt.op {
	case opEmbed:
		return s.embeds[rt.vendor]
	case opRank:
		return s.ranks[rt.vendor]
	case opComplete:
		return s.complete[rt.vendor]
	case opRespond, opRespondCount, opKept:
		return s.respond[rt.vendor]
	case opTask:
		return s.tasks[rt.vendor]
	}
	return s.wires[rt.vendor]
}

// book serves a request that the ledger counts.
func (s *Server) book(x *exchange) {
	x.record = Record{
		Vendor: x.route.vendor, Key: x.wire.key(x.r), Started: x.call.created,
		RequestID: x.r.Header.Get("X-Request-Id"), HubRequest: x.r.Header.Get("X-Llmhub-Request"),
	}
	s.ledger.begin()
	defer func() {
		x.record.Model, x.record.Stream = x.call.model, x.call.stream
		x.record.Finished = time.Now()
		s.ledger.end(&x.record)
	}()
	x.serve()
}

// draw is the next number in [0, 1) of the sequence fixed by the seed.
func (s *Server) draw() float64 {
	const mantissa = 53
	return float64(rand.NewPCG(s.seed, s.draws.Add(1)).Uint64()>>(64-mantissa)) / (1 << mantissa)
}

// body reads the request; the buffer goes back to the pool by release.
func (s *Server) body(w http.ResponseWriter, r *http.Request) (buf *bytes.Buffer, err error) {
	buf, _ = s.buffers.Get().(*bytes.Buffer)
	buf.Reset()
	_, err = buf.ReadFrom(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	if err != nil {
		s.release(buf)
		return nil, err
	}
	return buf, nil
}

func (s *Server) release(buf *bytes.Buffer) {
	if buf.Cap() <= maxPooledBytes {
		s.buffers.Put(buf)
	}
}

func (w *wire) authenticate(key string) *failure {
	switch {
	case key == "":
		return &failure{status: http.StatusUnauthorized, reason: reasonNoKey}
	case strings.HasPrefix(key, badKeyPrefix):
		return &failure{status: http.StatusUnauthorized, reason: reasonBadKey, key: key}
	case w.authorize != nil:
		return w.authorize(key)
	}
	return nil
}

// bodyFailure is the answer to a body that could not be read.
func bodyFailure(err error) *failure {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return &failure{status: http.StatusRequestEntityTooLarge}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return invalid("", "the request body ended early")
	}
	return invalid("", "the request body could not be read: %v", err)
}
