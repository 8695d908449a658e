package call

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/estimate"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/record"
	"github.com/llm-hub/llm-hub/gateway/route"
)

// Ack says what must be on the log before the client gets what.
type Ack string

// The modes of acknowledgement.
const (
	Strict    Ack = "strict"     // admission before the first byte, usage before the last
	FirstByte Ack = "first-byte" // admission before the first byte
	Async     Ack = "async"      // nothing is waited for
)

// ParseAck reads a mode.
func ParseAck(s string) (Ack, error) {
	switch a := Ack(s); a {
	case Strict, FirstByte, Async:
		return a, nil
	default:
		return "", fmt.Errorf("ack mode %q: must be %s, %s or %s", s, Strict, FirstByte, Async)
	}
}

// Config configures an [Engine]. All fields but Headroom,
// Estimates and Seed must be set.
type Config struct {
	Ack       Ack
	Recorder  *record.Recorder
	Admitter  Admitter
	Vendors   func(kind string) provider.Vendor // by the kind of a configured provider; nil: there is none
	Transport http.RoundTripper                 // shared by all calls; follows no redirect
	Cooldowns *route.Cooldowns
	Headroom  *route.Headroom   // nil: its own
	Estimates *estimate.Counter // nil: its own
	Logger    *slog.Logger
	Seed      func() uint64 // of a decision; nil: random
}

// Engine serves requests. All its methods may be called at once.
type Engine struct {
	cfg     Config
	buffers buffers
	drains  atomic.Int64 // calls that go on without their client
}

// New makes an engine.
func New(cfg Config) (*Engine, error) {
	if _, err := ParseAck(string(cfg.Ack)); err != nil {
		return nil, fmt.Errorf("call: %w", err)
	}
	if cfg.Recorder == nil || cfg.Admitter == nil || cfg.Vendors == nil || cfg.Transport == nil ||
		cfg.Cooldowns == nil || cfg.Logger == nil {
		return nil, errors.New("call: Recorder, Admitter, Vendors, Transport, Cooldowns and Logger must be set")
	}
	if cfg.Headroom == nil {
		cfg.Headroom = route.NewHeadroom(time.Now)
	}
	if cfg.Estimates == nil {
		cfg.Estimates = estimate.New()
	}
	if cfg.Seed == nil {
		cfg.Seed = rand.Uint64
	}
	go cfg.Estimates.Warm() // so that no request waits for it
	return &Engine{cfg: cfg}, nil
}

// Describe registers what the engine knows beside the facts.
func (e *Engine) Describe(reg prometheus.Registerer) error {
	return reg.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "llmhub", Name: "upstream_cooldowns", Help: "Vendor credentials that are left alone at the moment.",
	}, func() float64 { return float64(e.cfg.Cooldowns.State().Blocking(time.Now())) }))
}

// Request is a client's request, understood and authenticated.
type Request struct {
	ID       events.RequestID
	Endpoint string // the name in facts, e.g. chat.completions
	Catalog  *control.Catalog
	Key      *control.Key
	Inbound  *provider.Inbound
	// Operation is what is asked of a vendor when it is not chat.
	Operation Operation
	// Kept is who keeps what the request goes on from, by provider and credential: only
	// that vendor can be asked; nil: any can.
	Kept *events.Target
	// Keep remembers what is kept of the answer, before the client has all of it. It
	// must not take long; nil: nothing is remembered.
	Keep func(ctx context.Context, t events.Target, k provider.Kept)
}

// Serve answers req on w. An error means that nothing was written and is a
// *gateway.Error for the client; what went wrong later the client was told in
// the stream, and it is on the log.
func (e *Engine) Serve(w http.ResponseWriter, r *http.Request, req *Request) error {
	f, err := e.admit(req, newClient(w, r))
	if err != nil {
		return err
	}
	return f.serve()
}
