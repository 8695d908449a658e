package alerts

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// DefaultPoll is how often a deliverer looks whether the webhooks have changed.
const DefaultPoll = time.Second

// Reader reads the stream of alerts: messages of one event each, numbered from 1.
type Reader interface {
	// Alerts returns at most limit alerts from sequence from on, in order.
	Alerts(ctx context.Context, from uint64, limit int) ([]events.Stored, error)
	// FollowAlerts reads alerts from sequence from on, and goes on with those to come.
	FollowAlerts(ctx context.Context, from uint64) (events.Cursor, error)
}

// DeliveryConfig configures a [Deliverer].
type DeliveryConfig struct {
	Alerts    Reader
	Positions events.Bucket    // one whose entries do not lapse
	Webhooks  func() []Webhook // at present
	Client    *http.Client     // whose dialer decides where connections may go
	Logger    *slog.Logger
	Poll      time.Duration // 0 is DefaultPoll
}

// Delivery is how a webhook is doing, since the process started.
type Delivery struct {
	Webhook   string // see [Webhook.Name]
	Delivered uint64
	Failures  uint64    // tries that failed
	Skipped   uint64    // alerts that the receiver refused for good
	Oldest    time.Time // when the oldest alert not yet delivered was raised, zero if there is none
	Err       error     // of the last try, nil if it succeeded
}

// Deliverer posts alerts to webhooks.
type Deliverer struct {
	cfg    DeliveryConfig
	client *http.Client

	mu      sync.Mutex
	postmen map[string]*postman // by hash of the webhook's address
}

// NewDeliverer makes a deliverer; Run runs it.
func NewDeliverer(cfg DeliveryConfig) (*Deliverer, error) {
	if cfg.Alerts == nil || cfg.Positions == nil || cfg.Webhooks == nil || cfg.Client == nil || cfg.Logger == nil {
		return nil, errors.New("alerts: Alerts, Positions, Webhooks, Client and Logger must be set")
	}
	if cfg.Poll == 0 {
		cfg.Poll = DefaultPoll
	}
	client := *cfg.Client
	client.Jar = nil
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Deliverer{cfg: cfg, client: &client, postmen: map[string]*postman{}}, nil
}

// Run delivers until ctx ends, to the webhooks there are at every moment. It may be
// run again after it has returned.
func (d *Deliverer) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer d.rest(&running)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	look := time.NewTicker(d.cfg.Poll)
	defer look.Stop()
	for {
		d.employ(ctx, &running)
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// rest waits until no postman is at work.
func (d *Deliverer) rest(running *sync.WaitGroup) {
	running.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.postmen)
}

// employ has one postman at work for each webhook.
func (d *Deliverer) employ(ctx context.Context, running *sync.WaitGroup) {
	wanted := map[string]Webhook{}
	for _, w := range d.cfg.Webhooks() {
		if len(w.key) >= minSecret {
			wanted[w.hash] = w
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for hash, p := range d.postmen {
		if w, wants := wanted[hash]; !wants || !w.same(p.webhook) {
			p.dismiss()
			delete(d.postmen, hash)
		}
	}
	for hash, w := range wanted {
		if d.postmen[hash] == nil {
			p := d.newPostman(w)
			working, dismiss := context.WithCancel(ctx)
			p.dismiss = dismiss
			d.postmen[hash] = p
			running.Go(func() { p.run(working) })
		}
	}
}

// Status tells how the webhooks are doing, in the order of their names.
func (d *Deliverer) Status() []Delivery {
	d.mu.Lock()
	postmen := slices.Collect(maps.Values(d.postmen))
	d.mu.Unlock()
	out := make([]Delivery, len(postmen))
	for i, p := range postmen {
		out[i] = p.now()
	}
	slices.SortFunc(out, func(a, b Delivery) int { return strings.Compare(a.Webhook, b.Webhook) })
	return out
}
