package signin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
)

// How often a password of one account may be tried.
const (
	freeTries  = 5
	triesSpan  = 15 * time.Minute
	firstDelay = 30 * time.Second // after the last free try, then twice as long each time
	longest    = 15 * time.Minute
	triesTTL   = 45 * time.Minute // what is kept of tries is worth nothing after longest and triesSpan
)

// accountThrottle counts what is tried of each account in the bucket that all nodes
// share. A try is counted before it is made, by compare-and-set, so that no number of
// them at once gets past the bound; a right one takes the count away.
type accountThrottle struct {
	bucket Bucket
	now    func() time.Time
}

// tries are those of one account.
type tries struct {
	N     int       `json:"n"`
	First time.Time `json:"first"`
	Until time.Time `json:"until"` // none before it
}

// next is t with one more try at now; false if it is too early.
func (t tries) next(now time.Time) (tries, bool) {
	if t.N >= freeTries && now.After(t.Until.Add(triesSpan)) || t.N < freeTries && now.Sub(t.First) > triesSpan {
		t = tries{}
	}
	if now.Before(t.Until) {
		return t, false
	}
	if t.N++; t.N == 1 {
		t.First = now
	}
	if t.N >= freeTries {
		delay := firstDelay << min(t.N-freeTries, 10)
		t.Until = now.Add(min(delay, longest))
	}
	return t, true
}

// triesKey is where tries are kept of whoever signs in as subject. It tells nothing.
func triesKey(subject string) string {
	sum := sha256.Sum256([]byte(subject))
	return "t." + hex.EncodeToString(sum[:16])
}

// try counts a try; its error says when the next one may be made. Whether there is
// such an account makes no difference.
func (a accountThrottle) try(ctx context.Context, subject string) error {
	return a.change(ctx, subject, func(t tries) (tries, error) {
		next, ok := t.next(a.now())
		if !ok {
			return t, tooOften(t.Until.Sub(a.now()))
		}
		return next, nil
	})
}

// forget takes the count away.
func (a accountThrottle) forget(ctx context.Context, subject string) error {
	return a.change(ctx, subject, func(tries) (tries, error) { return tries{}, nil })
}

func (a accountThrottle) change(ctx context.Context, subject string, change func(tries) (tries, error)) error {
	const rivals = 10
	key := triesKey(subject)
	for range rivals {
		e, err := a.bucket.Get(ctx, key)
		if err != nil {
			return outOfReach(err)
		}
		var t tries
		if e.Value != nil {
			if err := json.Unmarshal(e.Value, &t); err != nil {
				t = tries{} // of another version
			}
		}
		if t, err = change(t); err != nil {
			return err
		}
		value, err := json.Marshal(t)
		if err != nil {
			return err
		}
		_, err = a.bucket.PutFor(ctx, events.Put{Key: key, Value: value, Rev: e.Rev}, triesTTL)
		if errors.Is(err, events.ErrConflict) {
			continue
		}
		if err != nil {
			return outOfReach(err)
		}
		return nil
	}
	return tooOften(time.Second)
}

func tooOften(wait time.Duration) error {
	return &gateway.Error{Kind: gateway.RateLimited, Code: "too_many_tries", Public: "This was tried too often; wait before the next try.", RetryAfter: wait}
}

func outOfReach(err error) error {
	return &gateway.Error{Kind: gateway.Unavailable, Code: "sign_in_unavailable", Public: "Nobody can sign in at present: the log is out of reach.", Cause: err}
}

// How often one address may try anything: a burst, and one more after each pause.
const (
	addressBurst = 20
	addressPause = time.Minute / addressBurst
	maxAddresses = 50_000
)

// addressThrottle bounds what one address tries at this node. Each node counts its
// own, so of n nodes an address gets n times as much; what is tried of one account is
// bounded over all of them.
type addressThrottle struct {
	now func() time.Time

	mu   sync.Mutex
	full map[netip.Addr]time.Time // when an address has its whole burst again
}

func newAddressThrottle(now func() time.Time) *addressThrottle {
	return &addressThrottle{now: now, full: map[netip.Addr]time.Time{}}
}

// try counts a try from an address with its port, as connections have it.
func (a *addressThrottle) try(from string) error {
	who := addressOf(from)
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if _, known := a.full[who]; !known && len(a.full) >= maxAddresses {
		for k, full := range a.full {
			if !full.After(now) {
				delete(a.full, k)
			}
		}
		if len(a.full) >= maxAddresses {
			who = netip.Addr{} // which all that come now share
		}
	}
	full := a.full[who]
	if full.Before(now) {
		full = now
	}
	if wait := full.Sub(now) - (addressBurst-1)*addressPause; wait > 0 {
		return tooOften(wait)
	}
	a.full[who] = full.Add(addressPause)
	return nil
}

// addressOf is whom an address belongs to: with IPv6 all of a network are one.
func addressOf(from string) netip.Addr {
	const network = 64
	ap, err := netip.ParseAddrPort(from)
	if err != nil {
		return netip.Addr{}
	}
	a := ap.Addr().Unmap().WithZone("")
	if a.Is4() {
		return a
	}
	p, err := a.Prefix(network)
	if err != nil {
		return a
	}
	return p.Addr()
}
