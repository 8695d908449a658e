package publish_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/events/publish"
)

const (
	campaignSeeds     = 25
	campaignProcesses = 6 // of one node, one after the other
	campaignTenants   = 5
)

// TestCampaign sends facts through every kind of weather of log and outbox, with
// a node that dies at any step and starts again, and then looks at what the log
// has. What a step suffers depends on the seed and the step alone.
func TestCampaign(t *testing.T) {
	for seed := range uint64(campaignSeeds) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newCampaign(t, seed).run() })
		})
	}
}

// campaign is a log, the disk of one node, and what the node was promised.
type campaign struct {
	*testing.T
	seed    uint64
	rng     *rand.Rand // of the test's own goroutine
	log     *memlog.Log
	box     *memlog.Outbox
	numbers [campaignTenants]int // of the facts published
	kept    map[string]bool      // facts whose receipt said so

	mu     sync.Mutex
	logged map[events.MessageID]string // what the log has
	tries  map[string]uint64           // of each step, so that its fate depends on the seed alone
}

func newCampaign(t *testing.T, seed uint64) *campaign {
	return &campaign{
		T: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 0)), log: memlog.New(), box: memlog.NewOutbox(1 << 20),
		kept: map[string]bool{}, logged: map[events.MessageID]string{}, tries: map[string]uint64{},
	}
}

func (c *campaign) run() {
	for n := range campaignProcesses {
		c.live(n)
	}
	c.box.Resize(1 << 20)
	p := c.start(campaignProcesses, &process{c: c})
	if err := p.Start(c.Context(), "last"); err != nil {
		c.Fatal(err)
	}
	if err := p.Close(c.Context()); err != nil {
		c.Fatal(err)
	}
	if n := held(c.T, c.box); n != 0 {
		c.Errorf("%d messages are left in the outbox", n)
	}
	c.checkLog()
}

func (c *campaign) start(n int, pr *process) *publish.Publisher {
	p, err := publish.New(publish.Config{
		Log: pr, Outbox: box{pr}, Node: node, Epoch: events.Epoch(fmt.Sprintf("e%d", n)), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		c.Fatal(err)
	}
	return p
}

// live runs one process until it dies or stops in order.
func (c *campaign) live(n int) {
	pr := &process{c: c, bad: true, dead: make(chan struct{}), steps: c.rng.IntN(400)}
	if c.rng.IntN(4) == 0 {
		pr.steps = 1 << 30 // it ends in order
	}
	p := c.start(n, pr)
	started := make(chan struct{})
	ctx, cancel := context.WithCancel(c.Context())
	go func() {
		defer close(started)
		if err := p.Start(ctx, strconv.Itoa(n)); err != nil {
			return // it died, or could not in time
		}
	}()
	if c.rng.IntN(2) == 0 {
		waitFor(c.Context(), time.Duration(c.rng.IntN(20))*time.Second) // it serves once it has started, or before
	}
	receipts := c.publishUntilDead(p, pr)
	cancel()
	<-started
	if !closed(pr.dead) {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(c.Context(), time.Duration(c.rng.IntN(10))*time.Second)
		defer stop()
	}
	closeErr := p.Close(ctx)
	pr.die()
	lost := 0
	for fact, r := range receipts {
		if !closed(r.Kept()) || !closed(r.Done()) {
			c.Fatalf("receipt of %s is open after Close", fact)
		}
		if r.Err() == nil {
			c.kept[fact] = true
		} else {
			lost++
		}
		if _, err := r.Wait(c.Context()); errors.Is(err, publish.ErrKept) != (err != nil && r.Err() == nil) {
			c.Errorf("%s: %v, and %v", fact, err, r.Err())
		}
	}
	if lost > 0 && closeErr == nil {
		c.Errorf("process %d: %d facts are lost, and Close does not say so", n, lost)
	}
}

// publishUntilDead publishes facts of all tenants for some time.
func (c *campaign) publishUntilDead(p *publish.Publisher, pr *process) map[string]*publish.Receipt {
	receipts := map[string]*publish.Receipt{}
	for end := time.Now().Add(time.Duration(c.rng.IntN(15)) * time.Second); time.Now().Before(end) && !closed(pr.dead); {
		for range 1 + c.rng.IntN(4) {
			tenant := c.rng.IntN(campaignTenants)
			e := fact(c.T, events.TenantID(fmt.Sprintf("tenant%d", tenant)), c.numbers[tenant])
			receipts[fmt.Sprintf("%s/%s", e.Tenant, e.Request)] = mustPublish(c.T, p, e)
			c.numbers[tenant]++
		}
		waitFor(c.Context(), time.Duration(c.rng.IntN(100))*time.Millisecond)
		if c.rng.IntN(100) == 0 {
			c.box.Resize(uint64(c.rng.IntN(40) << 10))
		}
	}
	return receipts
}

// fate is the random source of one step: what is asked for the n-th time.
func (c *campaign) fate(step string) *rand.Rand {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tries[step]++
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", step, c.tries[step])
	return rand.New(rand.NewPCG(c.seed, h.Sum64()))
}

// weather is what a store suffers now: it changes every one to three seconds.
type weather int

const (
	fine weather = iota
	slow
	flaky
	away
	hung
	weathers
)

func (c *campaign) weather(store string) weather {
	every := 1 + c.seed%3
	rng := rand.New(rand.NewPCG(c.seed, uint64(time.Now().Unix())/every+uint64(len(store))<<40))
	if rng.IntN(3) == 0 {
		return fine
	}
	return weather(rng.IntN(int(weathers)))
}

// process is what one process of the node reaches of log and disk. It dies at a
// step, before or after that has its effect; from then on nothing has any.
type process struct {
	c     *campaign
	bad   bool // the weather matters
	steps int  // until it dies
	once  sync.Once
	dead  chan struct{}
}

func (p *process) die() {
	if p.dead != nil {
		p.once.Do(func() { close(p.dead) })
	}
}

var errDead = errors.New("the process is dead")

// suffer does what is asked, or not, as fate wills.
func (p *process) suffer(ctx context.Context, store, what string, do func() error) error {
	if !p.bad {
		return do()
	}
	rng := p.c.fate(store + what)
	p.c.mu.Lock()
	p.steps--
	dies := p.steps == 0
	p.c.mu.Unlock()
	if dies && rng.IntN(2) == 0 {
		p.die()
	}
	answer := error(nil)
	switch p.c.weather(store) {
	case slow:
		waitFor(ctx, time.Duration(rng.IntN(400))*time.Millisecond)
	case flaky:
		if rng.IntN(2) == 0 {
			answer = events.ErrUnavailable
		}
		if rng.IntN(2) == 0 {
			return events.ErrUnavailable
		}
	case away:
		return events.ErrUnavailable
	case hung:
		waitFor(ctx, time.Minute)
		answer = events.ErrUnavailable
		if rng.IntN(2) == 0 {
			return answer
		}
	}
	if closed(p.dead) {
		return errDead
	}
	err := do()
	if dies {
		p.die()
	}
	if closed(p.dead) {
		return errDead
	}
	return errors.Join(answer, err)
}

// Append is the log's, which may take a message twice after a repetition.
func (p *process) Append(ctx context.Context, m events.Message) (ack events.Ack, err error) {
	p.c.checkOrder(m)
	m.Data = bytes.Clone(m.Data)
	err = p.suffer(ctx, "log", m.ID.String(), func() error {
		p.c.mu.Lock()
		defer p.c.mu.Unlock()
		before, known := p.c.logged[m.ID]
		if known && before != string(m.Data) {
			p.c.Errorf("message %s has other bytes now", m.ID)
		}
		p.c.logged[m.ID] = string(m.Data)
		if known && m.ID.Counter%2 == 0 { // the dedupe window is over
			ack = events.Ack{Seq: p.c.log.Inject(m)}
			return nil
		}
		ack, err = p.c.log.Append(context.WithoutCancel(ctx), m)
		return err
	})
	return ack, err
}

// box is the process's outbox.
type box struct{ p *process }

func (b box) Put(ctx context.Context, m events.Message) error {
	m.Data = bytes.Clone(m.Data)
	return b.p.suffer(ctx, "box", "put "+m.ID.String(), func() error { return b.p.c.box.Put(context.WithoutCancel(ctx), m) })
}

func (b box) After(ctx context.Context, seq uint64, limit int) (held []events.Stored, err error) {
	if limit > 64 {
		b.p.c.Errorf("%d messages are asked for at once", limit)
	}
	err = b.p.suffer(ctx, "box", "after "+strconv.FormatUint(seq, 10), func() error {
		held, err = b.p.c.box.After(context.WithoutCancel(ctx), seq, limit)
		return err
	})
	return held, err
}

func (b box) Trim(ctx context.Context, seq uint64) error {
	for _, m := range b.p.c.inOutbox() {
		if m.Seq <= seq && !b.p.c.has(m.ID) {
			b.p.c.Errorf("message %s is forgotten and not in the log", m.ID)
		}
	}
	return b.p.suffer(ctx, "box", "trim "+strconv.FormatUint(seq, 10), func() error { return b.p.c.box.Trim(context.WithoutCancel(ctx), seq) })
}

func (b box) Fill(ctx context.Context) (events.Fill, error) { return b.p.c.box.Fill(ctx) }

// inOutbox reads the disk, in any weather.
func (c *campaign) inOutbox() []events.Stored {
	held, err := c.box.After(context.Background(), 0, 1<<20)
	if err != nil {
		c.Error(err)
	}
	return held
}

func (c *campaign) has(id events.MessageID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, known := c.logged[id]
	return known
}

// checkOrder fails if m passes by what the outbox holds of its partition.
func (c *campaign) checkOrder(m events.Message) {
	if c.has(m.ID) {
		return // a repetition changes nothing
	}
	for _, before := range c.inOutbox() {
		if before.ID == m.ID {
			return
		}
		if before.ID.Partition == m.ID.Partition && !c.has(before.ID) {
			c.Errorf("message %s passes %s by, which is in the outbox", m.ID, before.ID)
		}
	}
}

// producer is an epoch in a partition.
type producer struct {
	epoch     events.Epoch
	partition events.Partition
}

// checkLog looks for gaps, for facts out of order and for kept facts that are missing.
func (c *campaign) checkLog() {
	info, err := c.log.Info(c.Context())
	if err != nil {
		c.Fatal(err)
	}
	counters, last := map[producer]uint64{}, map[events.TenantID]int{}
	for seq := info.First; seq <= info.Last; seq++ {
		m, err := c.log.At(c.Context(), seq)
		if err != nil {
			c.Fatal(err)
		}
		by := producer{m.ID.Epoch, m.ID.Partition}
		if m.ID.Counter <= counters[by] {
			continue // a repetition
		}
		if m.ID.Counter != counters[by]+1 {
			c.Errorf("message %s comes after counter %d", m.ID, counters[by])
		}
		counters[by] = m.ID.Counter
		c.checkFacts(m, last)
	}
	for fact := range c.kept {
		c.Errorf("%s was kept and is not in the log", fact)
	}
	if info.Last < 100 {
		c.Errorf("the log has only %d messages", info.Last)
	}
}

// checkFacts ticks off the facts of m, and compares with the tenants' last.
func (c *campaign) checkFacts(m events.Stored, last map[events.TenantID]int) {
	lines, err := m.Lines()
	if err != nil {
		c.Fatal(err)
	}
	for _, line := range lines {
		e, err := events.Decode(line)
		if err != nil {
			c.Fatal(err)
		}
		if e.Request == "" {
			continue // about the node
		}
		n, err := strconv.Atoi(strings.TrimPrefix(string(e.Request), "r"))
		if err != nil {
			c.Fatal(err)
		}
		if before, any := last[e.Tenant]; any && n <= before {
			c.Errorf("message %s: fact %d of %s comes after %d", m.ID, n, e.Tenant, before)
		}
		last[e.Tenant] = n
		delete(c.kept, fmt.Sprintf("%s/%s", e.Tenant, e.Request))
	}
}
