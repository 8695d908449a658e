package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Stream is the control stream.
type Stream interface {
	// AppendControl appends c if the stream's last sequence is after, else it fails
	// with events.ErrConflict.
	AppendControl(ctx context.Context, after uint64, c events.Command) (uint64, error)
	// Commands returns at most limit commands from sequence from on, in order.
	Commands(ctx context.Context, from uint64, limit int) ([]events.Command, error)
	// ControlInfo describes the stream.
	ControlInfo(ctx context.Context) (events.Info, error)
	// FollowControl tells of commands from sequence from on, and of those to come.
	FollowControl(ctx context.Context, from uint64) (events.Cursor, error)
}

// Shredder destroys data keys.
type Shredder interface {
	// DataKeys are the ids of a tenant's data keys.
	DataKeys(ctx context.Context, tenant events.TenantID) ([]string, error)
	// Destroy makes what was sealed with the keys unreadable for ever. Keys that are
	// not there are destroyed already.
	Destroy(ctx context.Context, tenant events.TenantID, ids []string) error
}

// PlaneConfig is what a [Plane] stands on. All but Anchor must be set.
type PlaneConfig struct {
	Stream   Stream
	Vault    Vault
	Shredder Shredder
	Loader   *Loader
	Node     events.NodeID
	// Anchor remembers the last message this node folded, so that it notices at its
	// next start that the stream is another one; empty: nothing is remembered.
	Anchor AnchorFile
	Now    func() time.Time
	Logger *slog.Logger
}

// Plane is the control plane of one node: the fold of the control stream, which it
// follows, and the commands that add to it.
type Plane struct {
	cfg  PlaneConfig
	live *Live

	mu      sync.Mutex // of folding and commands
	created time.Time  // of the stream that is folded

	destroyed map[string]bool // data keys that this process has destroyed

	opened atomic.Pointer[opened]
	broken atomic.Pointer[error] // why the catalog in force is not the log's
}

// NewPlane makes a plane that has folded nothing.
func NewPlane(cfg PlaneConfig) (*Plane, error) {
	if cfg.Stream == nil || cfg.Vault == nil || cfg.Shredder == nil || cfg.Loader == nil || cfg.Node == "" || cfg.Now == nil || cfg.Logger == nil {
		return nil, errors.New("control: every part of PlaneConfig but Anchor must be set")
	}
	p := &Plane{cfg: cfg, destroyed: map[string]bool{}}
	p.opened.Store(&opened{state: NewState(), plan: newPlan()})
	empty, err := cfg.Loader.catalog(newPlan())
	if err != nil {
		return nil, err
	}
	p.live = NewLive(empty)
	return p, nil
}

// Live holds the catalog in force.
func (p *Plane) Live() *Live { return p.live }

// State is what is folded.
func (p *Plane) State() *State { return p.opened.Load().state }

// Err is nil while what is in force is what the log says.
func (p *Plane) Err() error {
	if err := p.broken.Load(); err != nil {
		return *err
	}
	return nil
}

// Start folds all that the stream holds. A stream that is not the one this node
// knew is a [*GuardError].
func (p *Plane) Start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.checkAnchor(ctx); err != nil {
		return err
	}
	_, err := p.catchUp(ctx, "")
	return err
}

// pageSize is how many commands are read at once.
const pageSize = 256

// catchUp folds what the stream holds beyond what is folded, and puts it in force.
// landed tells whether a command of the request was among it. p.mu is held.
func (p *Plane) catchUp(ctx context.Context, request events.RequestID) (landed bool, err error) {
	now := p.opened.Load()
	state := now.state
	for {
		page, err := p.cfg.Stream.Commands(ctx, state.Seq+1, pageSize)
		if err != nil {
			return landed, fmt.Errorf("configuration: %w", err)
		}
		if len(page) == 0 {
			break
		}
		next, err := state.Next(page...)
		if err != nil {
			return landed, p.fail(&GuardError{Reason: err.Error()})
		}
		state = next
		landed = landed || request != "" && anyOf(page, request)
	}
	if state == now.state {
		return landed, nil
	}
	return landed, p.adopt(ctx, now, state)
}

func anyOf(page []events.Command, request events.RequestID) bool {
	for _, c := range page {
		if es, err := c.Events(); err == nil && es[0].Request == request {
			return true
		}
	}
	return false
}

// adopt puts state in force. If its objects do not fit together, as between two
// messages of one command, the catalog stays as it was.
func (p *Plane) adopt(ctx context.Context, known *opened, state *State) error {
	next, err := openPlan(ctx, state, known, tools{vault: p.cfg.Vault, kinds: p.cfg.Loader.Kinds})
	if err != nil {
		return p.fail(fmt.Errorf("configuration at control message %d: %w", state.Seq, err))
	}
	p.opened.Store(next)
	if err := p.shred(ctx, state); err != nil {
		p.cfg.Logger.Warn("data keys of a removed tenant are still there; they are destroyed at the next change or start", "error", err)
	}
	if err := p.cfg.Anchor.write(anchor{Created: p.created, Seq: state.Seq, Hash: state.Hash}); err != nil {
		p.cfg.Logger.Warn("where the configuration is folded to cannot be remembered", "error", err)
	}
	catalog, err := p.cfg.Loader.catalog(next.plan)
	if err != nil {
		return p.fail(fmt.Errorf("configuration at control message %d: %w", state.Seq, err))
	}
	p.broken.Store(nil)
	p.live.Replace(catalog)
	return nil
}

// shred destroys the data keys of removed tenants, those included that a node
// which died in between has left. p.mu is held.
func (p *Plane) shred(ctx context.Context, state *State) error {
	keys := map[events.TenantID][]string{}
	for id, tenant := range state.shredded {
		if !p.destroyed[id] {
			keys[tenant] = append(keys[tenant], id)
		}
	}
	for tenant, ids := range keys {
		if err := p.cfg.Shredder.Destroy(ctx, tenant, ids); err != nil {
			return err
		}
		for _, id := range ids {
			p.destroyed[id] = true
		}
	}
	return nil
}

// fail remembers why the node does not follow.
func (p *Plane) fail(err error) error {
	if before := p.broken.Swap(&err); before == nil || (*before).Error() != err.Error() {
		p.cfg.Logger.Error("the configuration in force is not the log's", "error", err)
	}
	return err
}

const (
	// guardEvery is how often a node checks that the stream is still the one it folded.
	guardEvery = 10 * time.Second
	// retryPause is the time between two tries to follow.
	retryPause = time.Second
)

// Run follows the stream until ctx ends.
func (p *Plane) Run(ctx context.Context) {
	for ctx.Err() == nil {
		err := p.follow(ctx)
		if _, guarded := errors.AsType[*GuardError](err); guarded {
			return // it has been told; only a person can help
		}
		if err != nil && ctx.Err() == nil {
			p.cfg.Logger.Warn("the configuration is not followed at present", "error", err)
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
		}
	}
}

// follow folds what comes until something fails.
func (p *Plane) follow(ctx context.Context) error {
	if err := p.check(ctx); err != nil {
		return err
	}
	cursor, err := p.cfg.Stream.FollowControl(ctx, p.State().Seq+1)
	if err != nil {
		return err
	}
	defer cursor.Close()
	tick := time.NewTicker(guardEvery)
	defer tick.Stop()
	for {
		select {
		case m, open := <-cursor.C():
			if !open {
				return cursor.Err()
			}
			if m.Seq <= p.State().Seq {
				continue
			}
			if err := p.Sync(ctx); err != nil {
				return err
			}
		case <-tick.C:
			if err := p.check(ctx); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// Sync folds what the stream holds by now.
func (p *Plane) Sync(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := p.catchUp(ctx, "")
	return err
}

// Vault seals for this hub, with the data keys that it destroys with their tenants.
func (p *Plane) Vault() Vault { return p.cfg.Vault }
