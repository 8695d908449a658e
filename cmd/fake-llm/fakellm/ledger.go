package fakellm

import (
	"context"
	"sync"
	"time"
)

// DefaultLedgerRecords is how many requests a ledger remembers one by one.
const DefaultLedgerRecords = 100_000

// Usage is what one or many requests were billed for, in tokens unless its name says otherwise.
// Unlike in some dialects the prompt includes what came from and went to a cache, and what is of
// sound and images; the output includes reasoning, sound and images.
type Usage struct {
	Input        int64 `json:"input_tokens"`
	Cached       int64 `json:"cached_tokens"`
	CacheWrite   int64 `json:"cache_write_tokens"` // of both lifetimes
	CacheWrite1h int64 `json:"cache_write_1h_tokens"`
	AudioInput   int64 `json:"audio_input_tokens,omitempty"`
	ImageInput   int64 `json:"image_input_tokens,omitempty"`
	Output       int64 `json:"output_tokens"`
	Reasoning    int64 `json:"reasoning_tokens"`
	AudioOutput  int64 `json:"audio_output_tokens,omitempty"`
	ImageOutput  int64 `json:"image_output_tokens,omitempty"`

	Images      int64 `json:"images,omitempty"` // billed by the piece
	WebSearches int64 `json:"web_searches,omitempty"`
	AudioMS     int64 `json:"audio_ms,omitempty"`     // of sound billed by its length
	Characters  int64 `json:"characters,omitempty"`   // of text billed by its length
	SearchUnits int64 `json:"search_units,omitempty"` // of rankings
}

func (u *Usage) add(v Usage) {
	u.Input += v.Input
	u.Cached += v.Cached
	u.CacheWrite += v.CacheWrite
	u.CacheWrite1h += v.CacheWrite1h
	u.AudioInput += v.AudioInput
	u.ImageInput += v.ImageInput
	u.Output += v.Output
	u.Reasoning += v.Reasoning
	u.AudioOutput += v.AudioOutput
	u.ImageOutput += v.ImageOutput
	u.Images += v.Images
	u.WebSearches += v.WebSearches
	u.AudioMS += v.AudioMS
	u.Characters += v.Characters
	u.SearchUnits += v.SearchUnits
}

// noOutput forgets what is billed as it is generated.
func (u *Usage) noOutput() { u.Output, u.Reasoning, u.AudioOutput, u.ImageOutput = 0, 0, 0, 0 }

// Outcome is how a request ended.
type Outcome string

// The outcomes. Only an error answer (not an error in mid-stream) bills nothing for sure.
const (
	Complete Outcome = "complete" // everything was sent
	Cut      Outcome = "cut"      // the fake broke off
	Aborted  Outcome = "aborted"  // the client went away
	Errored  Outcome = "error"    // an error was answered or sent in mid-stream
)

// statusClientGone is recorded when the client left before a status was sent.
const statusClientGone = 499

// A Record is one request as it was served. Keys of a fake vendor are no secrets and are kept
// as sent.
type Record struct {
	Seq        uint64 `json:"seq"` // in the order of endings, from 1
	Vendor     Vendor `json:"vendor"`
	Model      string `json:"model"` // as sent, directives included
	Key        string `json:"key"`
	RequestID  string `json:"request_id,omitempty"`     // the header x-request-id
	HubRequest string `json:"llmhub_request,omitempty"` // the header x-llmhub-request
	Stream     bool   `json:"stream"`
	Status     int    `json:"status"`
	Usage
	Outcome  Outcome   `json:"outcome"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
}

// Totals sums requests.
type Totals struct {
	Requests  int64             `json:"requests"`
	ByOutcome map[Outcome]int64 `json:"by_outcome"`
	Usage
}

func (t *Totals) add(v *Totals) {
	t.Requests += v.Requests
	for o, n := range v.ByOutcome {
		if t.ByOutcome == nil {
			t.ByOutcome = make(map[Outcome]int64)
		}
		t.ByOutcome[o] += n
	}
	t.Usage.add(v.Usage)
}

// A Snapshot is the ledger at one moment.
type Snapshot struct {
	InFlight int64     `json:"in_flight"` // begun, not ended; not in the totals
	Last     uint64    `json:"last"`      // sequence of the last record made
	Dropped  uint64    `json:"dropped"`   // records asked for that are no longer kept
	Records  []*Record `json:"records"`   // by rising sequence

	Totals   Totals             `json:"totals"`
	ByKey    map[string]*Totals `json:"by_key"`
	ByModel  map[string]*Totals `json:"by_model"`
	ByVendor map[Vendor]*Totals `json:"by_vendor"`
}

// account is what totals are kept by.
type account struct {
	vendor     Vendor
	model, key string
	outcome    Outcome
}

type balance struct {
	requests int64
	usage    Usage
}

// ledger keeps exact totals and a bounded number of records. Safe for concurrent use.
type ledger struct {
	capacity int // records kept

	mu       sync.Mutex
	inFlight int64
	seq      uint64
	ring     []Record // record of seq s is at (s-1) % capacity
	accounts map[account]*balance
	idle     chan struct{} // closed when nothing is in flight; nil when nobody waits
}

func newLedger(capacity int) *ledger {
	return &ledger{capacity: capacity, accounts: make(map[account]*balance)}
}

func (l *ledger) begin() {
	l.mu.Lock()
	l.inFlight++
	l.mu.Unlock()
}

// end books a request that begin announced.
func (l *ledger) end(r *Record) {
	a := account{vendor: r.Vendor, model: r.Model, key: r.Key, outcome: r.Outcome}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
	if l.inFlight == 0 && l.idle != nil {
		close(l.idle)
		l.idle = nil
	}
	l.seq++
	r.Seq = l.seq
	b := l.accounts[a]
	if b == nil {
		b = &balance{}
		l.accounts[a] = b
	}
	b.requests++
	b.usage.add(r.Usage)
	switch {
	case l.capacity == 0:
	case len(l.ring) < l.capacity:
		l.ring = append(l.ring, *r)
	default:
		l.ring[(r.Seq-1)%uint64(l.capacity)] = *r
	}
}

// settle waits until nothing is in flight.
func (l *ledger) settle(ctx context.Context) error {
	l.mu.Lock()
	if l.inFlight == 0 {
		l.mu.Unlock()
		return nil
	}
	if l.idle == nil {
		l.idle = make(chan struct{})
	}
	idle := l.idle
	l.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reset forgets everything but the requests in flight; the sequence starts again at 1.
func (l *ledger) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq, l.ring = 0, nil
	clear(l.accounts)
}

// snapshot gives the totals and up to limit records with a sequence above since.
func (l *ledger) snapshot(since uint64, limit int) Snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Snapshot{
		InFlight: l.inFlight, Last: l.seq, Records: []*Record{},
		ByKey: map[string]*Totals{}, ByModel: map[string]*Totals{}, ByVendor: map[Vendor]*Totals{},
	}
	for a, b := range l.accounts {
		t := &Totals{Requests: b.requests, Usage: b.usage, ByOutcome: map[Outcome]int64{a.outcome: b.requests}}
		s.Totals.add(t)
		addTo(s.ByKey, a.key, t)
		addTo(s.ByModel, a.model, t)
		addTo(s.ByVendor, a.vendor, t)
	}
	oldest := l.seq - uint64(len(l.ring)) // sequence before the oldest record kept
	if since < oldest {
		s.Dropped, since = oldest-since, oldest
	}
	for seq := since + 1; seq <= l.seq && len(s.Records) < limit; seq++ {
		r := l.ring[(seq-1)%uint64(l.capacity)]
		s.Records = append(s.Records, &r)
	}
	return s
}

func addTo[K comparable](m map[K]*Totals, key K, t *Totals) {
	if m[key] == nil {
		m[key] = &Totals{}
	}
	m[key].add(t)
}
