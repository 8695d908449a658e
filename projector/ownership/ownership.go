// Package ownership shares the projectors' work by keys of a bucket, so that each
// piece of it is done once and a dead projector's share is taken over in seconds.
//
// Every live projector announces itself under `proj.<group>.<node.epoch>` and takes at
// most its fair share of the group's items, each by a key of its own. Both kinds of keys
// are renewed by compare-and-set at every third of their time to live, and lapse
// when nobody does. When another projector joins, the surplus is given up: first
// the work is told to end, a third of the time later the key goes.
//
// It only saves work. Correctness is the fence of every fold: two that believe to
// own the same item, as may be for up to a time to live when one is cut off, do
// no harm; the commits of one of them fail.
//
// # Invariants
//
// The tests that hold each are named in brackets.
//
//  1. Once settled, every item has exactly one owner, and nobody has more than his
//     share. [TestShares, TestJoinAndLeave]
//  2. What a dead owner held is taken over within its time to live and two thirds
//     of it. [TestTakeover]
//  3. An owner that cannot reach the bucket takes its items for lost when the time
//     to live has passed since the last renewal began, by the monotonic clock, and
//     so never after the key itself lapses. [TestBucketAway, TestBucketHangs]
//  4. An item never has two owners that can reach the bucket. [TestCampaign]
package ownership

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Items that are not partitions.
const (
	Tables  = "tables"  // the fold into the tables, shared by the group of that name: those that reach them
	Alerts  = "alerts"  // what raises and delivers them
	Verify  = "verify"  // the comparison in the background, where there are no tables
	Archive = "archive" // what archives and trims the log, shared by the group of that name: those that have an archive
)

// DefaultTTL is how long a key stays that its owner does not renew.
const DefaultTTL = 10 * time.Second

// MinTTL is the shortest time to live that buckets know.
const MinTTL = time.Second

// DefaultGroup is that of all projectors.
const DefaultGroup = "all"

// announcePrefix is where the live projectors of a group announce themselves.
func announcePrefix(group string) string { return "proj." + group + "." }

// Bucket is what ownership needs of a bucket.
type Bucket interface {
	events.Bucket
	events.Lapsing
}

// Config configures an [Owner].
type Config struct {
	Bucket Bucket
	Node   string        // id of this process, `<node>.<epoch>`; no other may have it
	Group  string        // of those that share the items; empty is [DefaultGroup]
	Items  []string      // what there is to share, the same for all of the group; nil is [Items]
	TTL    time.Duration // 0 is [DefaultTTL]
	Logger *slog.Logger
}

// Items lists everything that all projectors can do.
func Items() []string {
	items := make([]string, 0, events.Partitions+2)
	for p := range events.Partition(events.Partitions) {
		items = append(items, PartitionItem(p))
	}
	return append(items, Alerts, Verify)
}

// PartitionItem is `p<pp>`, the fold of a partition's counters.
func PartitionItem(p events.Partition) string { return "p" + p.String() }

// Owner holds this projector's share. All its methods may be called at once.
type Owner struct {
	cfg   Config
	order []string // the items, those that this node prefers first

	mu      sync.Mutex
	held    map[string]*holding
	changed chan struct{} // closed and replaced whenever what is owned changes
}

// holding is an item whose key is this node's.
type holding struct {
	until  time.Time // it counts as lost from here on
	expire *time.Timer
	ended  chan struct{} // closed when the work must end
	over   bool          // ended is closed; the key may still be there, to be given up
}

// New makes an owner. It does nothing before Run.
func New(cfg Config) (*Owner, error) {
	if cfg.Bucket == nil || cfg.Logger == nil {
		return nil, errors.New("ownership: Bucket and Logger must be set")
	}
	if cfg.TTL == 0 {
		cfg.TTL = DefaultTTL
	}
	if cfg.TTL < MinTTL {
		return nil, fmt.Errorf("ownership: TTL %s is below %s", cfg.TTL, MinTTL)
	}
	cfg.Group = cmp.Or(cfg.Group, DefaultGroup)
	if !events.ValidID(cfg.Group) || !events.ValidKey(announcePrefix(cfg.Group)+cfg.Node) {
		return nil, fmt.Errorf("ownership: Group %q or Node %q cannot be part of a key", cfg.Group, cfg.Node)
	}
	if cfg.Items == nil {
		cfg.Items = Items()
	}
	for i, item := range cfg.Items {
		if !events.ValidKey(events.OwnerKey(item)) || slices.Contains(cfg.Items[:i], item) {
			return nil, fmt.Errorf("ownership: item %q cannot be a key, or is there twice", item)
		}
	}
	return &Owner{
		cfg: cfg, order: preference(cfg.Node, cfg.Items),
		held: map[string]*holding{}, changed: make(chan struct{}),
	}, nil
}

// preference orders items differently for every node, so that several that look
// for work at once seldom want the same.
func preference(node string, items []string) []string {
	weight := func(item string) uint64 {
		h := fnv.New64a()
		h.Write([]byte(item + "/" + node)) // never fails
		return h.Sum64()
	}
	return slices.SortedFunc(slices.Values(items), func(a, b string) int {
		return cmp.Or(cmp.Compare(weight(a), weight(b)), cmp.Compare(a, b))
	})
}

// Share is the partitions that this projector owns.
type Share struct{ owner *Owner }

// Partitions returns the share of the partitions' folds.
func (o *Owner) Partitions() Share { return Share{owner: o} }

// Held returns the partitions owned now, in order, and a channel that is closed
// when that may have changed.
func (s Share) Held() (held []events.Partition, changed <-chan struct{}) {
	o := s.owner
	o.mu.Lock()
	defer o.mu.Unlock()
	for p := range events.Partition(events.Partitions) {
		if h := o.held[PartitionItem(p)]; h != nil && !h.over {
			held = append(held, p)
		}
	}
	return held, o.changed
}

// Owns tells whether an item is owned now, and gives a channel that is closed
// when that may have changed.
func (o *Owner) Owns(item string) (bool, <-chan struct{}) {
	h, changed := o.holding(item)
	return h != nil, changed
}

func (o *Owner) holding(item string) (*holding, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := o.held[item]
	if h != nil && h.over {
		h = nil
	}
	return h, o.changed
}

// Own calls work whenever item is owned, with a context that ends when it no
// longer is. It returns when ctx ends, or when work has ended by itself, always
// after work has.
func (o *Owner) Own(ctx context.Context, item string, work func(context.Context)) {
	for ctx.Err() == nil {
		h, changed := o.holding(item)
		if h != nil {
			if h.while(ctx, work) {
				return
			}
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// while runs work as long as h is owned, and tells whether it ended by itself.
func (h *holding) while(ctx context.Context, work func(context.Context)) (finished bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-h.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	work(ctx)
	select {
	case <-h.ended:
		return false
	default:
		return true
	}
}

// gain notes that item is owned until then.
func (o *Owner) gain(item string, until time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if h := o.held[item]; h != nil {
		h.until = until
		h.expire.Reset(time.Until(until))
		return
	}
	h := &holding{until: until, ended: make(chan struct{})}
	h.expire = time.AfterFunc(time.Until(until), func() { o.lapse(item, h) })
	o.held[item] = h
	o.notify()
}

// lapse takes item for lost unless it was renewed.
func (o *Owner) lapse(item string, h *holding) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.held[item] == h && !time.Now().Before(h.until) {
		o.cfg.Logger.Warn("ownership was not renewed in time", "item", item)
		o.drop(item)
	}
}

// lose notes that item is not owned.
func (o *Owner) lose(item string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.drop(item)
}

// drop is lose with o.mu held.
func (o *Owner) drop(item string) {
	if h := o.held[item]; h != nil {
		h.expire.Stop()
		delete(o.held, item)
		o.end(h)
	}
}

// end tells the work to end. o.mu is held.
func (o *Owner) end(h *holding) {
	if !h.over {
		h.over = true
		close(h.ended)
		o.notify()
	}
}

// notify wakes whoever waits for a change. o.mu is held.
func (o *Owner) notify() {
	close(o.changed)
	o.changed = make(chan struct{})
}
