package record

import (
	"errors"
	"log/slog"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/publish"
)

// Publisher sends facts to the log.
type Publisher interface {
	// Publish queues e behind what was published before for its tenant, and
	// returns at once.
	Publish(e events.Event) (*publish.Receipt, error)
	// Admit fails while too much waits for the log for new requests to be taken.
	Admit() error
}

// Config configures a [Recorder]. All fields must be set.
type Config struct {
	Publisher Publisher
	Node      events.NodeID
	Metrics   *Metrics
	Logger    *slog.Logger
}

// Recorder makes and publishes the events of a node's requests. All its methods
// may be called at once.
type Recorder struct {
	cfg      Config
	refusals refusals
}

// New makes a recorder. Close it before its publisher.
func New(cfg Config) (*Recorder, error) {
	if cfg.Publisher == nil || cfg.Node == "" || cfg.Metrics == nil || cfg.Logger == nil {
		return nil, errors.New("record: Publisher, Node, Metrics and Logger must be set")
	}
	r := &Recorder{cfg: cfg}
	r.refusals.publish = r.publishRejection
	return r, nil
}

// Ready fails while the log cannot take the facts of new requests.
func (r *Recorder) Ready() error { return r.cfg.Publisher.Admit() }

// Metrics are the metrics the recorder keeps.
func (r *Recorder) Metrics() *Metrics { return r.cfg.Metrics }

// Reject records that a request was refused before any vendor was called.
func (r *Recorder) Reject(info Info, why Refusal) {
	r.cfg.Metrics.refused.WithLabelValues(why.Reason).Inc()
	r.refusals.add(rejection{info: info, why: why, count: 1})
}

func (r *Recorder) publishRejection(j rejection) {
	h := events.Head{At: time.Now(), Tenant: j.info.Tenant, Request: j.info.ID, WindowAt: j.info.At}
	_, _ = r.publish(h, events.RequestRejected{ // which logs its error
		Principal: j.info.Principal, Endpoint: j.info.Endpoint, Reason: j.why.Reason, Status: j.why.Status, Limit: j.why.Limit, Count: j.count,
	})
}

// Close publishes the refusals that are counted and not yet published.
func (r *Recorder) Close() { r.refusals.flush() }

// publish states body. A fact that cannot be published is logged by its id: it
// is either a mistake of ours or the publisher is closed.
func (r *Recorder) publish(h events.Head, body events.Body) (*publish.Receipt, error) {
	h.Node = r.cfg.Node
	e, err := events.New(h, body)
	if err == nil {
		var receipt *publish.Receipt
		if receipt, err = r.cfg.Publisher.Publish(e); err == nil {
			return receipt, nil
		}
	}
	r.cfg.Logger.Error("fact not published", "id", events.NewID(h, body.Kind()), "error", err)
	return nil, err
}
