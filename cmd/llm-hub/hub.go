package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/publish"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/signin"
	"github.com/llm-hub/llm-hub/gateway/vault"
	"github.com/llm-hub/llm-hub/projector/archive"
	"github.com/llm-hub/llm-hub/projector/counters"
	"github.com/llm-hub/llm-hub/projector/export/jobs"
	"github.com/llm-hub/llm-hub/projector/replay"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// localHub is what an operator can ask of the stores this process has open: of a
// running server, or of a command that opened the data directory itself. Its
// folds are nil where this process has no projector, and do not run offline.
type localHub struct {
	stores    *stores
	node      events.NodeID
	log       *slog.Logger
	epoch     events.Epoch       // of this process
	publisher *publish.Publisher // nil offline
	plane     *control.Plane
	keyring   *vault.Vault
	prober    admin.Prober // nil where nothing calls vendors
	counters  *counters.Projector
	tables    *tables.Writer
	archiving *archive.Job  // nil where this process does not
	retention time.Duration // how long messages stay in the log though they are archived; 0: for ever
	jobs      *jobs.Jobs    // exports; nil where there are no tables
	sessions  *signin.Sessions
	signIns   *prometheus.CounterVec // nil offline
}

// token finds an operator's token in the configuration in force.
func (h *localHub) token(secret string, now time.Time) *control.Token {
	return h.plane.Live().Current().TokenBySecret(secret, now)
}

// events answers replay: [replay.Record] or dead letters, a line each.
func (h *localHub) events(ctx context.Context, q admin.EventsQuery, emit func([]byte) error) error {
	line := func(v any) error {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		return emit(b)
	}
	if q.DeadLetters {
		return toOperator(h.deadLetters(ctx, q, line))
	}
	filter := replay.Filter{
		From: replay.Bound(q.From), To: replay.Bound(q.To), Tenant: q.Tenant, Request: q.Request, Kind: q.Kind,
	}
	return toOperator(replay.Run(ctx, h.stores.whole, filter, func(r replay.Record) error { return line(r) }))
}

// hubStatus is the answer of /api/v1/status.
type hubStatus struct {
	Version  string        `json:"version"`
	Node     events.NodeID `json:"node,omitempty"`
	Log      *events.Info  `json:"log,omitempty"`
	Counters *foldDetail   `json:"counters,omitempty"`
	Tables   *foldDetail   `json:"tables,omitempty"`
}

func (h *localHub) status(ctx context.Context) (any, error) {
	info, err := h.stores.log.Info(ctx)
	if err != nil {
		return nil, err
	}
	s := hubStatus{Version: version, Node: h.node, Log: &info}
	s.Counters, s.Tables = h.folded()
	return s, nil
}

// folded is how far the folds of this process are, nil for those of others.
func (h *localHub) folded() (counters, tables *foldDetail) {
	if h.counters != nil {
		d, _ := detailOf(h.counters.Status().Progress) // the error is in the detail
		counters = &d
	}
	if h.tables != nil {
		st := h.tables.Status()
		d, _ := detailOf(st.Progress) // the error is in the detail
		d.Kept = st.Kept
		tables = &d
	}
	return counters, tables
}

// freshness is what of the status is for everybody: how far what they are shown is behind.
func (h *localHub) freshness(ctx context.Context) (any, error) {
	s := hubStatus{Version: version}
	s.Counters, s.Tables = h.folded()
	for _, d := range []*foldDetail{s.Counters, s.Tables} {
		if d != nil {
			d.Error = "" // names what the installation is made of
		}
	}
	if s.Tables == nil && h.stores.tables != nil { // another process writes them
		live, err := h.liveTables().Live(ctx)
		if err != nil {
			return nil, toOperator(err)
		}
		s.Tables = &foldDetail{Seq: live.AsOf.Seq, Behind: live.AsOf.Behind, LagSeconds: live.AsOf.Lag.Seconds(), Kept: live.Kept}
	}
	return s, nil
}

// printEvent writes one replayed line for people.
func printEvent(w io.Writer, line []byte) error {
	var r struct {
		Seq    uint64
		Index  int
		Reason string
		Raw    string
		Logged time.Time
		Event  *events.Event
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return fmt.Errorf("event %q: %w", line, err)
	}
	if r.Event == nil {
		_, err := fmt.Fprintf(w, "%d %s dead letter: %s: %s\n", r.Seq, r.Logged.Format(time.RFC3339Nano), r.Reason, r.Raw)
		return err
	}
	e := r.Event
	if e.Kind == "" {
		return errors.New("event without a kind: " + string(line))
	}
	_, err := fmt.Fprintf(w, "%d.%d %s %-21s %s %s %s\n", r.Seq, r.Index, e.At.Format(time.RFC3339Nano), e.Kind, e.Tenant, e.Request, e.Body)
	return err
}

// newEpoch mints the epoch of this process.
func newEpoch() (events.Epoch, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("mint epoch: %w", err)
	}
	return events.Epoch(id.String()), nil
}
