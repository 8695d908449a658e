package natslog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/llm-hub/llm-hub/events"
)

// SnapshotHead says what a snapshot is of.
type SnapshotHead struct {
	Stream string          `json:"stream"`
	Config json.RawMessage `json:"config"` // in NATS's words
	State  json.RawMessage `json:"state"`
}

// SnapshotState is what a snapshot holds.
type SnapshotState struct {
	Messages uint64 `json:"messages"`
	First    uint64 `json:"first_seq"`
	Last     uint64 `json:"last_seq"`
}

// Holds reads the state.
func (h SnapshotHead) Holds() (s SnapshotState, err error) {
	return s, json.Unmarshal(h.State, &s)
}

// SnapshotWriter takes a snapshot.
type SnapshotWriter interface {
	Begin(h SnapshotHead) error
	Chunk(data []byte) error
}

// Kept are the streams and buckets that no fold can make anew.
func Kept() []string {
	return []string{
		events.TrafficStream, events.DeadStream, events.AlertStream, bucketPrefix + events.AnswersBucket,
		bucketPrefix + events.KeyringBucket, events.ControlStream,
	}
}

const (
	snapshotChunk    = 256 << 10
	snapshotPatience = 30 * time.Second // between two chunks
)

// Snapshot hands a stream over as it is now, with its sequences and times. What is
// appended meanwhile may be in it or not. When the stream was created is not kept, so
// that whoever remembers it takes the restored stream for another one.
func (l *Log) Snapshot(ctx context.Context, stream string, to SnapshotWriter) error {
	err := l.snapshot(ctx, stream, to)
	if err != nil {
		return fmt.Errorf("snapshot of %s: %w", stream, err)
	}
	return nil
}

func (l *Log) snapshot(ctx context.Context, stream string, to SnapshotWriter) error {
	inbox := l.conn.NewInbox()
	sub, err := l.conn.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }() // the server notices
	var head struct {
		Error  *jetstream.APIError `json:"error"`
		Config json.RawMessage     `json:"config"`
		State  json.RawMessage     `json:"state"`
	}
	ask := map[string]any{"deliver_subject": inbox, "no_consumers": true, "chunk_size": snapshotChunk}
	if err := l.api(ctx, "STREAM.SNAPSHOT."+stream, ask, &head); err != nil {
		return err
	}
	if head.Error != nil {
		return head.Error
	}
	if err := to.Begin(SnapshotHead{Stream: stream, Config: head.Config, State: head.State}); err != nil {
		return err
	}
	for {
		m, err := l.nextChunk(ctx, sub)
		if err != nil {
			return err
		}
		if len(m.Data) == 0 {
			if status := m.Header.Get("Status"); status != "" && status != "204" {
				return fmt.Errorf("the server gave up: %s %s", status, m.Header.Get("Description"))
			}
			return nil
		}
		if err := to.Chunk(m.Data); err != nil {
			return err
		}
		if m.Reply != "" {
			if err := m.Respond(nil); err != nil {
				return err
			}
		}
	}
}

func (c *client) nextChunk(ctx context.Context, sub *nats.Subscription) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, snapshotPatience)
	defer cancel()
	return sub.NextMsgWithContext(ctx)
}

// api asks the server's own API and decodes its answer.
func (c *client) api(ctx context.Context, what string, ask, answer any) error {
	body, err := json.Marshal(ask)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, snapshotPatience)
	defer cancel()
	m, err := c.conn.RequestWithContext(ctx, "$JS.API."+what, body)
	if err != nil {
		return err
	}
	return json.Unmarshal(m.Data, answer)
}

// Restorer makes the streams of a server that has none yet.
type Restorer struct{ client }

// NewRestorer connects. It must be closed.
func NewRestorer(cfg Config) (*Restorer, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	r := &Restorer{}
	if err := r.connect(cfg); err != nil {
		r.Close()
		return nil, fmt.Errorf("restore: %w", err)
	}
	return r, nil
}

// Stream begins to restore a stream, on one server and without a bound of its size:
// whoever opens the log sets that.
func (r *Restorer) Stream(ctx context.Context, h SnapshotHead) (*StreamRestore, error) {
	var config map[string]json.RawMessage
	if err := json.Unmarshal(h.Config, &config); err != nil {
		return nil, fmt.Errorf("restore %s: %w", h.Stream, err)
	}
	maps.DeleteFunc(config, func(key string, _ json.RawMessage) bool { return key == "placement" || key == "metadata" })
	config["num_replicas"], config["max_bytes"] = json.RawMessage("1"), json.RawMessage("-1")
	want, err := h.Holds()
	if err != nil {
		return nil, fmt.Errorf("restore %s: %w", h.Stream, err)
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Deliver string              `json:"deliver_subject"`
	}
	if err := r.api(ctx, "STREAM.RESTORE."+h.Stream, map[string]any{"config": config, "state": h.State}, &answer); err != nil {
		return nil, fmt.Errorf("restore %s: %w", h.Stream, err)
	}
	if answer.Error != nil {
		return nil, fmt.Errorf("restore %s: %w", h.Stream, answer.Error)
	}
	return &StreamRestore{r: r, name: h.Stream, to: answer.Deliver, want: want}, nil
}

// StreamRestore is a stream that is being restored.
type StreamRestore struct {
	r    *Restorer
	name string
	to   string
	want SnapshotState
}

// Chunk hands over a chunk of the snapshot, in order.
func (s *StreamRestore) Chunk(ctx context.Context, data []byte) error {
	answer, err := s.send(ctx, data)
	if err == nil && len(answer) > 0 {
		_, err = s.restored(answer)
		if err == nil {
			err = errors.New("the server had enough before its end")
		}
	}
	if err != nil {
		return fmt.Errorf("restore %s: %w", s.name, err)
	}
	return nil
}

// Finish ends the stream and tells whether all of it is there.
func (s *StreamRestore) Finish(ctx context.Context) error {
	answer, err := s.send(ctx, nil)
	if err != nil {
		return fmt.Errorf("restore %s: %w", s.name, err)
	}
	got, err := s.restored(answer)
	if err != nil {
		return fmt.Errorf("restore %s: %w", s.name, err)
	}
	lapses := strings.HasPrefix(s.name, bucketPrefix) // what has lapsed since is gone at once
	if got.Messages < s.want.Messages && !lapses || got.Last < s.want.Last {
		return fmt.Errorf("restore %s: it has %d messages up to %d, not %d up to %d", s.name, got.Messages, got.Last, s.want.Messages, s.want.Last)
	}
	return nil
}

func (s *StreamRestore) send(ctx context.Context, data []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, snapshotPatience)
	defer cancel()
	m, err := s.r.conn.RequestWithContext(ctx, s.to, data)
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

func (s *StreamRestore) restored(answer []byte) (SnapshotState, error) {
	var got struct {
		Error *jetstream.APIError `json:"error"`
		State SnapshotState       `json:"state"`
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return got.State, err
	}
	if got.Error != nil {
		return got.State, got.Error
	}
	return got.State, nil
}
