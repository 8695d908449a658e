package conversation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
)

const (
	// Patience is how long an answer waits for its record.
	Patience = 500 * time.Millisecond
	// VendorTTL is how long it is remembered which vendor keeps an answer: as long as
	// OpenAI keeps it.
	VendorTTL = 30 * 24 * time.Hour

	saveTimeout = 10 * time.Second
	maxSaving   = 256 // answers on their way at once
	maxItems    = 128 // of an answer that are found by their own ids
)

// Errors of finding.
var (
	ErrNotFound    = errors.New("no such answer is kept")
	ErrUnreachable = errors.New("the place where answers are kept is out of reach")
)

// Bucket keeps what is remembered.
type Bucket interface {
	events.Bucket
	events.Lapsing
}

// Answer is an answer that a later request may go on from.
type Answer struct {
	Tenant events.TenantID
	ID     string
	Items  []string      // ids of what it consists of
	Model  string        // logical model that was asked
	Target events.Target // which vendor keeps it; zero: the gateway does
}

// ByVendor tells whether the vendor keeps the answer.
func (a Answer) ByVendor() bool { return a.Target != events.Target{} }

// Config configures a [Store]. All fields but History must be set.
type Config struct {
	Bucket  Bucket
	Vault   control.Vault
	History int // bytes of a conversation that are put together at most; 0: 10 MiB
	Logger  *slog.Logger
}

// Store remembers answers. All its methods may be called at once.
type Store struct {
	cfg    Config
	saving chan struct{}
	lost   atomic.Int64
}

// New makes a store.
func New(cfg Config) (*Store, error) {
	if cfg.Bucket == nil || cfg.Vault == nil || cfg.Logger == nil {
		return nil, errors.New("conversation: Bucket, Vault and Logger must be set")
	}
	if cfg.History <= 0 {
		cfg.History = maxHistory
	}
	return &Store{cfg: cfg, saving: make(chan struct{}, maxSaving)}, nil
}

// Lost is how many answers could not be kept since the start.
func (s *Store) Lost() int64 { return s.lost.Load() }

// record is what is remembered of an answer, and of each of its items.
type record struct {
	ID     string         `json:"id"` // of the answer
	Model  string         `json:"model"`
	Target *events.Target `json:"target,omitempty"`
	Chunks int            `json:"chunks,omitempty"` // of its content
}

// The sorts of keys.
const (
	answerKey = "a"
	itemKey   = "i"
	chunkKey  = "c"
)

// key is where something of a tenant is remembered. It tells neither.
func key(sort string, tenant events.TenantID, id string) string {
	sum := sha256.Sum256([]byte(string(tenant) + "\x00" + id))
	return sort + "." + hex.EncodeToString(sum[:16])
}

// Keep remembers an answer for so long, with its content if the gateway keeps it
// itself (nil if not). It returns when that is done, or after [Patience]; what fails
// is counted and logged, because the answer itself is good.
func (s *Store) Keep(ctx context.Context, a Answer, c *Content, ttl time.Duration) {
	select {
	case s.saving <- struct{}{}:
	default:
		s.fail(a, errors.New("too many answers are being kept"))
		return
	}
	done := make(chan struct{})
	go func() {
		defer func() {
			<-s.saving
			close(done)
		}()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
		defer cancel()
		if err := s.save(ctx, a, c, ttl); err != nil {
			s.fail(a, err)
		}
	}()
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

func (s *Store) fail(a Answer, err error) {
	s.lost.Add(1)
	s.cfg.Logger.Warn("an answer is not kept: no request can go on from it", "tenant", a.Tenant, "answer", a.ID, "error", err)
}

// save writes content before what leads to it.
func (s *Store) save(ctx context.Context, a Answer, c *Content, ttl time.Duration) error {
	r := record{ID: a.ID, Model: a.Model}
	if a.ByVendor() {
		r.Target = &a.Target
	}
	if c != nil {
		var err error
		if r.Chunks, err = s.saveContent(ctx, a, *c, ttl); err != nil {
			return err
		}
	}
	value, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the record: %w", err)
	}
	keys := []string{key(answerKey, a.Tenant, a.ID)}
	for _, id := range a.Items[:min(len(a.Items), maxItems)] {
		keys = append(keys, key(itemKey, a.Tenant, id))
	}
	errs := make([]error, len(keys))
	var wg sync.WaitGroup
	for i, k := range keys {
		wg.Go(func() {
			_, errs[i] = s.cfg.Bucket.PutFor(ctx, events.Put{Key: k, Value: value}, ttl)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Find gives the tenant's answer of that id, or [ErrNotFound], or [ErrUnreachable].
func (s *Store) Find(ctx context.Context, tenant events.TenantID, id string) (Answer, error) {
	r, err := s.record(ctx, key(answerKey, tenant, id))
	return r.answer(tenant), err
}

// FindItem gives the tenant's answer that has an item of that id. Errors are those
// of Find.
func (s *Store) FindItem(ctx context.Context, tenant events.TenantID, id string) (Answer, error) {
	r, err := s.record(ctx, key(itemKey, tenant, id))
	return r.answer(tenant), err
}

func (r record) answer(tenant events.TenantID) Answer {
	a := Answer{Tenant: tenant, ID: r.ID, Model: r.Model}
	if r.Target != nil {
		a.Target = *r.Target
	}
	return a
}

func (s *Store) record(ctx context.Context, key string) (r record, err error) {
	value, err := s.get(ctx, key)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(value, &r); err != nil {
		return record{}, fmt.Errorf("record %s: %w", key, err)
	}
	return r, nil
}

func (s *Store) get(ctx context.Context, key string) ([]byte, error) {
	e, err := s.cfg.Bucket.Get(ctx, key)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	case e.Value == nil:
		return nil, ErrNotFound
	}
	return e.Value, nil
}

// Forget removes an answer. What of it is not found any more lapses by itself.
func (s *Store) Forget(ctx context.Context, a Answer) error {
	k := key(answerKey, a.Tenant, a.ID)
	e, err := s.cfg.Bucket.Get(ctx, k)
	if err == nil && e.Value != nil {
		_, err = s.cfg.Bucket.Commit(ctx, []events.Put{{Key: k, Rev: e.Rev}})
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return nil
}
