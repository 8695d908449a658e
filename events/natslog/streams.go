package natslog

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/llm-hub/llm-hub/events"
)

// bucketPrefix and keyPrefix make a stream a bucket that NATS tools understand.
const bucketPrefix = "KV_"

func keyPrefix(bucket string) string { return "$KV." + bucket + "." }

const (
	// trafficDedupe keeps an immediate repetition out of the log. Folds recognise
	// repetitions for ever by their counter, so it need not be long; every id
	// within it costs the server some 120 bytes of memory.
	trafficDedupe = 30 * time.Second
	// controlDedupe is as good as any: control is guarded by expected sequences.
	controlDedupe = 2 * time.Minute
	// deadDedupe is long because a fold that was restarted buries its dead again,
	// and there should never be many.
	deadDedupe = 24 * time.Hour
	// deadBytes bounds dead letters. With the alerts it has to fit into what an
	// embedded server of the least size leaves beside the traffic.
	deadBytes = 32 << 20
	// alertBytes bounds alerts; the oldest go first.
	alertBytes = 16 << 20
	// lapsedFor is how long a bucket remembers that a key has lapsed: a watcher
	// that was cut off for less hears of it.
	lapsedFor = 24 * time.Hour

	haReplicas = 3

	// declarePause is how long a stream that could not be declared is left alone,
	// at first and at most.
	declarePause    = 100 * time.Millisecond
	declareMaxPause = time.Second
)

// streamConfigs declares every stream and bucket. All are on disk and kept
// without age: what was acknowledged is deleted by no clock.
func streamConfigs(cfg Config) []jetstream.StreamConfig {
	replicas := 1
	if cfg.Class == HA {
		replicas = haReplicas
	}
	return []jetstream.StreamConfig{
		{
			Name: events.TrafficStream, Subjects: []string{events.TrafficPattern},
			Description: "what became of every request, packed",
			Storage:     jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Replicas: replicas,
			MaxBytes: cfg.MaxBytes, Discard: jetstream.DiscardNew, // a full log refuses; forgetting would falsify the books
			Compression: jetstream.S2Compression, // a quarter of the size
			Duplicates:  trafficDedupe,
			DenyDelete:  true, // purging stays allowed: the archiver trims, and denying it could not be undone
			AllowDirect: true,
		},
		{
			Name: events.ControlStream, Subjects: []string{events.ControlPattern},
			Description: "every change of configuration, hash-chained",
			Storage:     jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Replicas: replicas,
			MaxBytes: -1, Discard: jetstream.DiscardNew,
			Compression: jetstream.S2Compression,
			Duplicates:  controlDedupe,
			DenyDelete:  true,
			AllowDirect: true,
		},
		{
			Name: events.DeadStream, Subjects: []string{events.DeadPattern},
			Description: "what could not be decoded or applied",
			Storage:     jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Replicas: replicas,
			MaxBytes: deadBytes, Discard: jetstream.DiscardOld, // a flood must not stop the fold; traffic still holds the originals
			Compression: jetstream.S2Compression,
			Duplicates:  deadDedupe,
			DenyDelete:  true,
			AllowDirect: true,
		},
		{
			Name: events.AlertStream, Subjects: []string{events.AlertPattern},
			Description: "what people should know of, each once",
			Storage:     jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Replicas: replicas,
			MaxBytes: alertBytes, Discard: jetstream.DiscardOld, // news, not books
			Compression: jetstream.S2Compression,
			Duplicates:  controlDedupe, // nothing in it is looked for: an alert is told from others by its subject
			DenyDelete:  true,
			AllowDirect: true,
		},
		bucketConfig(events.CountersBucket, "counters and checkpoints, the fold of the traffic", replicas),
		lapsing(bucketConfig(events.LeasesBucket, "what each node may spend of the hard limits", replicas)),
		lapsing(bucketConfig(events.NodesBucket, "who does which work at present", replicas)),
		lapsing(bucketConfig(events.KeyringBucket, "data keys, wrapped by the master key", replicas)),
		answersConfig(cfg, replicas),
		sessionsConfig(cfg, replicas),
	}
}

func bucketConfig(name, description string, replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: bucketPrefix + name, Subjects: []string{keyPrefix(name) + ">"},
		Description: description,
		Storage:     jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Replicas: replicas,
		MaxBytes: -1, Discard: jetstream.DiscardNew,
		MaxMsgsPerSubject:  1, // the last value is the only one
		AllowAtomicPublish: true,
		AllowRollup:        true, // as every bucket
		DenyDelete:         true,
		AllowDirect:        true,
		Duplicates:         controlDedupe,
	}
}

// lapsing lets entries of a bucket lapse, each leaving a mark for [lapsedFor].
func lapsing(c jetstream.StreamConfig) jetstream.StreamConfig {
	c.AllowMsgTTL = true
	c.SubjectDeleteMarkerTTL = lapsedFor
	return c
}

// declare makes the streams that are missing and brings the others up to date.
// Where all is as it must be it only asks, so that a user without the right to
// change streams can open the log.
func (c *client) declare(ctx context.Context, configs []jetstream.StreamConfig) (map[string]jetstream.Stream, error) {
	ctx, cancel := c.link.untilDenied(ctx)
	defer cancel()
	streams, errs := make([]jetstream.Stream, len(configs)), make([]error, len(configs))
	var wg sync.WaitGroup
	for i, want := range configs {
		wg.Go(func() { streams[i], errs[i] = c.insistStream(ctx, want) })
	}
	wg.Wait()
	byName := map[string]jetstream.Stream{}
	for i, want := range configs {
		if errs[i] != nil {
			return nil, fmt.Errorf("stream %s: %w", want.Name, errs[i])
		}
		byName[want.Name] = streams[i]
	}
	return byName, nil
}

// insistStream declares a stream, again after what may pass: a cluster that has no
// leader yet, a connection that was lost.
func (c *client) insistStream(ctx context.Context, want jetstream.StreamConfig) (jetstream.Stream, error) {
	for pause := declarePause; ; pause = min(2*pause, declareMaxPause) {
		s, err := c.declareStream(ctx, want)
		if err == nil {
			return s, nil
		}
		if denied := c.link.denied(); denied != nil {
			return nil, fmt.Errorf("%w: %w", err, denied)
		}
		rival := errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) // another process was faster
		if err = c.failed("declare", err); !rival && !errors.Is(err, events.ErrUnavailable) {
			return nil, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

func (c *client) declareStream(ctx context.Context, want jetstream.StreamConfig) (jetstream.Stream, error) {
	ctx, cancel := c.whileConnected(ctx)
	defer cancel()
	s, err := c.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		c.log.Info("creating stream", "stream", want.Name)
		return c.js.CreateStream(ctx, want)
	}
	if err != nil {
		return nil, err
	}
	have := s.CachedInfo().Config
	next := overlay(have, want)
	if reflect.DeepEqual(have, next) {
		return s, nil
	}
	c.log.Info("updating stream", "stream", want.Name)
	updated, err := c.js.UpdateStream(ctx, next)
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == codeStorageExceeded {
		// The server's bound is below what its streams have reserved. It refuses
		// changes then, and messages once its bound is reached, but the log is whole.
		c.log.Warn("stream cannot be updated: the server's store is bounded below what is reserved", "stream", want.Name)
		return s, nil
	}
	return updated, err
}

// overlay is have with what this package decides taken from want; what an
// operator decides, such as placement, stays.
func overlay(have, want jetstream.StreamConfig) jetstream.StreamConfig {
	have.Description = want.Description
	have.Subjects = want.Subjects
	have.Replicas = max(have.Replicas, want.Replicas) // a command that knows no class takes none away
	have.Retention = want.Retention
	have.Discard = want.Discard
	if want.MaxBytes != 0 && want.Name != bucketPrefix+events.AnswersBucket { // that bound is the operator's
		have.MaxBytes = want.MaxBytes
	}
	have.MaxAge = 0
	have.Duplicates = want.Duplicates
	have.AllowDirect = want.AllowDirect
	have.AllowRollup = want.AllowRollup
	have.AllowAtomicPublish = want.AllowAtomicPublish
	have.AllowMsgTTL = want.AllowMsgTTL
	have.SubjectDeleteMarkerTTL = want.SubjectDeleteMarkerTTL
	have.DenyDelete = want.DenyDelete
	if want.MaxMsgsPerSubject != 0 {
		have.MaxMsgsPerSubject = want.MaxMsgsPerSubject
	}
	return have
}
