package client

import (
	"encoding/json"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// AsOf says which state of the books an answer shows.
type AsOf struct {
	Seq    uint64  `json:"seq"`         // everything up to this sequence of the log is in it
	Behind uint64  `json:"behind"`      // messages of the log that are not
	Lag    float64 `json:"lag_seconds"` // age of the oldest of those
	// KeptSince is absent, unless something was asked for of before it: the answer has only
	// what was admitted at it or later, because settings.retention keeps no more.
	KeptSince time.Time `json:"kept_since,omitzero"`
}

// Amounts are an amount of traffic and what it cost.
type Amounts struct {
	Requests    int64        `json:"requests"`      // admitted
	Attempts    int64        `json:"attempts"`      // vendor calls that ended
	Failures    int64        `json:"failures"`      // of these, without an answer
	Input       int64        `json:"input_tokens"`  // of all classes
	Output      int64        `json:"output_tokens"` // of all classes
	Usage       events.Usage `json:"usage"`
	CostNanoUSD *int64       `json:"cost_nano_usd"` // of what has a price; null: nothing has
	CostUSD     *string      `json:"cost_usd"`
	Unpriced    int64        `json:"unpriced"` // records without a price, not in the cost
}

// UsageRow is the usage of one group.
type UsageRow struct {
	Group map[string]string `json:"group,omitempty"` // value by dimension; a span of time by its start
	Other bool              `json:"other,omitempty"` // the groups that the ranking did not keep
	Amounts
}

// UsageRows are groups and what they come to.
type UsageRows struct {
	Rows   []UsageRow `json:"rows"`
	Totals UsageRow   `json:"totals"`
}

// Usage is how much was used.
type Usage struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"` // exclusive
	Zone    string    `json:"time_zone"`
	GroupBy []string  `json:"group_by"`
	AsOf    AsOf      `json:"as_of"`
	Overlap bool      `json:"overlapping,omitempty"` // what has several tags is in a row of each; in totals once
	UsageRows
	Compared *ComparedUsage `json:"compared,omitempty"`
}

// ComparedUsage is the usage of the period to compare with.
type ComparedUsage struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	UsageRows
}

// Requests are a page of requests, the newest first.
type Requests struct {
	Rows []RequestRow `json:"rows"`
	Next string       `json:"next,omitempty"` // cursor of the next page; absent: this is the last
	AsOf AsOf         `json:"as_of"`
}

// RequestRow is one request that has ended.
type RequestRow struct {
	ID        string           `json:"id"`
	WindowAt  time.Time        `json:"admitted_at"`
	EndedAt   time.Time        `json:"ended_at"`
	Tenant    string           `json:"tenant"`
	Principal events.Principal `json:"principal"`
	Node      string           `json:"node"`
	Endpoint  string           `json:"endpoint"`
	Stream    bool             `json:"stream"`
	Outcome   string           `json:"outcome"`
	Status    uint16           `json:"status"` // HTTP status given to the client, 0 if none was sent
	Error     string           `json:"error,omitempty"`
	Reason    string           `json:"reason,omitempty"` // of a refusal or an orphan
	Limit     string           `json:"limit,omitempty"`  // that refused it: scope, what and per what
	Target    events.Target    `json:"target"`           // the last one tried
	Attempts  uint16           `json:"attempts"`
	Finish    string           `json:"finish,omitempty"`
	FirstByte int64            `json:"first_byte_ns"` // 0 if there was none
	Total     int64            `json:"total_ns"`
	Count     uint32           `json:"count"` // requests it stands for: more than 1 for refusals counted together
	Seq       uint64           `json:"seq"`   // of its end in the log
	Amounts   Amounts          `json:"amounts"`
}

// Facets are the values that requests have, by dimension.
type Facets struct {
	Facets []Facet `json:"facets"`
	AsOf   AsOf    `json:"as_of"`
}

// Facet is one dimension.
type Facet struct {
	Dimension string       `json:"dimension"`
	Values    []FacetValue `json:"values"` // most first
	Other     int64        `json:"other"`  // requests of all other values
}

// FacetValue is one value, and how many requests have it.
type FacetValue struct {
	Value    string `json:"value"`
	Requests int64  `json:"requests"`
}

// Histogram is how many requests there were over time.
type Histogram struct {
	Span   string `json:"span"`
	Bars   []Bar  `json:"bars"` // those that hold requests, in order of time
	Totals Bar    `json:"totals"`
	AsOf   AsOf   `json:"as_of"`
}

// Bar is one span of time.
type Bar struct {
	Start    time.Time        `json:"start,omitzero"`
	Requests int64            `json:"requests"`
	Outcomes map[string]int64 `json:"outcomes"`
}

// Latency is how long requests took.
type Latency struct {
	Rows []LatencyRow `json:"rows"`
	All  LatencyRow   `json:"all"` // of all rows together
	AsOf AsOf         `json:"as_of"`
}

// LatencyRow is one group.
type LatencyRow struct {
	Start     time.Time         `json:"start,omitzero"`
	Group     map[string]string `json:"group,omitempty"`
	Requests  uint64            `json:"requests"`
	FirstByte Percentiles       `json:"first_byte_ns"`
	Total     Percentiles       `json:"total_ns"`
	Speed     Percentiles       `json:"tokens_per_second"` // answer tokens from first to last byte
}

// Percentiles of a measure.
type Percentiles struct {
	Count uint64  `json:"count"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P95   float64 `json:"p95"`
	P99   float64 `json:"p99"`
}

// Errors are what went wrong.
type Errors struct {
	Requests []RequestErrors `json:"requests"`
	Attempts []AttemptErrors `json:"attempts"`
	AsOf     AsOf            `json:"as_of"`
}

// RequestErrors are requests that failed alike.
type RequestErrors struct {
	Outcome  string      `json:"outcome"` // failed, cancelled, orphaned, rejected
	Status   uint16      `json:"status"`
	Error    string      `json:"error,omitempty"`
	Reason   string      `json:"reason,omitempty"`
	Limit    string      `json:"limit,omitempty"`
	Model    string      `json:"model"`
	Provider string      `json:"provider,omitempty"`
	Upstream string      `json:"upstream_model,omitempty"`
	Seen     Occurrences `json:"seen"`
}

// AttemptErrors are vendor calls that failed alike.
type AttemptErrors struct {
	Kind       string      `json:"kind"`
	Reason     string      `json:"reason,omitempty"`
	Status     uint16      `json:"status"`
	Provider   string      `json:"provider"`
	Credential string      `json:"credential"`
	Upstream   string      `json:"upstream_model"`
	Seen       Occurrences `json:"seen"`
}

// Occurrences say how often something happened, and when.
type Occurrences struct {
	Count   int64     `json:"count"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Request string    `json:"request"` // the last one
}

// Health is how targets did over time.
type Health struct {
	Span string        `json:"span"`
	Rows []HealthState `json:"rows"` // by target, then time; only spans in which a target was called
	AsOf AsOf          `json:"as_of"`
}

// HealthState is how a target did in a span of time.
type HealthState struct {
	Start     time.Time     `json:"start"`
	Target    events.Target `json:"target"`
	State     string        `json:"state"`    // ok, degraded, down
	Attempts  int64         `json:"attempts"` // that ended
	Failures  int64         `json:"failures"` // of these, without an answer
	Limited   int64         `json:"rate_limited"`
	Fallbacks int64         `json:"fallbacks"`     // requests that went on to another target
	FirstByte Percentiles   `json:"first_byte_ns"` // of requests it answered
}

// Movers are what changed most since another period.
type Movers struct {
	By     string  `json:"by"`
	Metric string  `json:"metric"`
	Rows   []Mover `json:"rows"`
	Totals Mover   `json:"totals"` // of everything, not of these rows
	AsOf   AsOf    `json:"as_of"`
}

// Mover is one value of the dimension. Costs are in nano-USD.
type Mover struct {
	Tenant string `json:"tenant,omitempty"` // whose value it is: of teams, users and keys, which have a name in their tenant only
	Value  string `json:"value,omitempty"`
	Before int64  `json:"before"`
	Now    int64  `json:"now"`
	Change int64  `json:"change"`
}

// Repriced is what the prices in force would have billed, beside what was billed.
type Repriced struct {
	PriceVersion string        `json:"price_version"`
	Rows         []RepricedRow `json:"rows"` // by the size of the difference
	Totals       RepricedRow   `json:"totals"`
	AsOf         AsOf          `json:"as_of"`
}

// RepricedRow is one vendor model of a team, or of what a tenant used without one.
type RepricedRow struct {
	Tenant           string `json:"tenant,omitempty"`
	Team             string `json:"team,omitempty"`
	Provider         string `json:"provider,omitempty"`
	Model            string `json:"upstream_model,omitempty"`
	Attempts         int64  `json:"attempts"`          // that used something
	Billed           int64  `json:"billed_nano_usd"`   // as it is on the books, corrections included
	BilledUnpriced   int64  `json:"billed_unpriced"`   // records that had no price
	Repriced         int64  `json:"repriced_nano_usd"` // by the book
	RepricedUnpriced int64  `json:"repriced_unpriced"` // attempts without a price in the book
	Difference       int64  `json:"difference_nano_usd"`
}

// Summaries is how targets did of late, by the log, and how old that word is.
type Summaries struct {
	events.Summaries
	Age   float64 `json:"age_seconds"`
	Stale bool    `json:"stale"` // no projector has renewed it: it says what was
}

// AuditCounts is how often the configuration was changed.
type AuditCounts struct {
	Rows  []AuditCount `json:"rows"`
	Total uint64       `json:"total"`
	Seq   uint64       `json:"as_of_seq"` // of the control stream: everything up to it is in it
}

// AuditCount is the changes of one group.
type AuditCount struct {
	Start   time.Time         `json:"start,omitzero"`
	Group   map[string]string `json:"group,omitempty"`
	Changes uint64            `json:"changes"`
}

// Budgets are limits and how they stand.
type Budgets struct {
	Rows []Budget `json:"rows"`
	Zone string   `json:"time_zone"` // that windows are counted in

	At      time.Time `json:"at,omitzero"`           // the instant that was asked for; absent: now
	Seq     uint64    `json:"as_of_seq,omitempty"`   // of the log: everything up to it was counted at that instant
	Control uint64    `json:"control_seq,omitempty"` // of the control stream, likewise
}

// Budget is one limit, what is used of it, and where that leads.
type Budget struct {
	Scope    string           `json:"scope"` // tenant, user, key, model, tenant_model, credential
	ID       string           `json:"id"`    // acme, acme/ci, smart, openai/main
	Limit    accounting.Limit `json:"limit"`
	Used     int64            `json:"used"` // of the window, in the limit's unit
	Left     int64            `json:"left"` // at least 0
	Start    time.Time        `json:"window_start,omitzero"`
	ResetAt  time.Time        `json:"reset_at,omitzero"`
	PerDay   int64            `json:"per_day"`            // on average since the start of the window
	Forecast int64            `json:"forecast"`           // used at the end of the window at this pace
	EmptyAt  time.Time        `json:"empty_at,omitzero"`  // when it is used up at this pace, if within the window
	Seq      uint64           `json:"as_of_seq,omitzero"` // of the log: the last change of the counter
}

// Status is how this installation stands. People of a tenant are told no more than how
// far what they are shown is behind.
type Status struct {
	Version  string       `json:"version"`
	Node     string       `json:"node,omitempty"` // that answers
	Log      *events.Info `json:"log,omitempty"`
	Counters *Fold        `json:"counters,omitempty"` // absent: not folded here
	Tables   *Fold        `json:"tables,omitempty"`   // absent: not folded here
}

// Fold is how far something is folded from the log.
type Fold map[string]json.RawMessage

// Schema is where the schema of the analytics tables stands.
type Schema map[string]json.RawMessage

// Decision is why a request went where it went, and the same decision taken again.
type Decision struct {
	Request  string           `json:"request"`
	Model    string           `json:"model"` // logical
	At       time.Time        `json:"at"`
	Decision events.Decision  `json:"decision"`
	Catalog  string           `json:"catalog_now"`     // version in force; if it is not the decision's, again is what would be chosen now by what was known then
	Again    *events.Decision `json:"again,omitempty"` // absent: the model is not there any more
	Same     bool             `json:"same"`            // again has the same plan
	Note     string           `json:"note,omitempty"`
	Targets  *Summaries       `json:"targets_now,omitempty"` // how its targets did of late, for whoever may see what the installation is made of
}

// CorrectionOrder asks for the usage of one attempt to be corrected.
type CorrectionOrder struct {
	Tenant  string        `json:"tenant"`
	Request string        `json:"request"`
	Attempt int           `json:"attempt"`     // from 1
	N       int           `json:"n,omitempty"` // numbers the corrections of the attempt from 1, so that an order can be repeated; 0: the next
	Reason  string        `json:"reason"`      // a word like vendor_invoice
	Delta   events.Charge `json:"delta"`       // added to what was recorded; negative takes away
}

// Correction says what became of an order.
type Correction struct {
	Event string `json:"event"`
	Seq   uint64 `json:"seq"`            // of the log
	Done  bool   `json:"done,omitempty"` // the log had it already
}

// Rewrapped says how many data keys the master key wraps now.
type Rewrapped struct {
	DataKeys int `json:"data_keys"`
}

// LoggedEvent is an event of the log and where it stands there, or a dead letter.
type LoggedEvent map[string]json.RawMessage

// Story is everything that the log holds about one request.
type Story map[string]json.RawMessage
