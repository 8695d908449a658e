package verify

import (
	"context"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// Defaults of [Config].
const (
	DefaultMaxDifferences = 20 // that a report describes
	DefaultShares         = 24
)

// progressEvery is how often progress is told.
const progressEvery = time.Second

// Querier runs one statement that only reads, see the client of projector/clickhouse.
type Querier interface {
	Query(ctx context.Context, sql string, params map[string]any, row func(scan func(...any) error) error) error
}

// Config says what to verify.
type Config struct {
	Log            events.Reader
	Bucket         events.Bucket
	Tables         Querier                                              // nil where there are no tables
	Control        tables.ControlLog                                    // what the table of changes is compared with; nil: it is not
	Pause          func(ctx context.Context) (resume func(), err error) // stops the tables' writer for a moment if they never stand still; may be nil
	MaxDifferences int                                                  // 0 is DefaultMaxDifferences
	Shares         int                                                  // runs in which older rows are compared once; 0 is DefaultShares
}

// Progress is how far the log has been folded.
type Progress struct {
	Seq  uint64 `json:"seq"`
	Last uint64 `json:"last"`
}

// Report is what was found. It is ok if there is no difference.
type Report struct {
	OK    bool   `json:"ok"`
	Seq   uint64 `json:"seq"` // the log was folded up to here
	Facts Facts  `json:"facts"`

	Counters    int           `json:"counters"`         // compared
	Behind      int           `json:"behind,omitempty"` // of these, too far behind to be compared this time
	Tables      *TablesReport `json:"tables,omitempty"`
	Differences []Difference  `json:"differences,omitempty"` // the first ones
	Different   int           `json:"different"`             // all of them
	Drift       Drift         `json:"drift"`
}

// Drift adds up by how much the totals of counters, rows and roll-up differ, each
// without its sign. What is counted for several scopes differs in each of them.
type Drift struct {
	CostNanoUSD int64 `json:"cost_nano_usd"`
	Tokens      int64 `json:"tokens"`
}

// Facts counts what the log holds.
type Facts struct {
	Messages   uint64 `json:"messages"`
	Duplicates uint64 `json:"duplicates"` // messages that were there before
	Events     uint64 `json:"events"`
	Dead       uint64 `json:"dead"`     // events that cannot be applied
	Admitted   uint64 `json:"admitted"` // requests
	Ended      uint64 `json:"ended"`    // of these
	Open       uint64 `json:"open"`     // of these
	Rejected   uint64 `json:"rejected"` // refusals
	Late       uint64 `json:"late"`     // ends of what had ended before
	Lines      uint64 `json:"lines"`    // of the ledger
}

// TablesReport says which tables were compared.
type TablesReport struct {
	Database string        `json:"database"`
	Seq      uint64        `json:"seq"` // they were compared up to here
	Rows     tables.Counts `json:"rows"`
	// Kept says from when on each table has its rows: only that was compared.
	Kept     projector.Kept `json:"kept,omitzero"`
	RolledUp uint64         `json:"rolled_up"` // lines of usage in the roll-up
	Changes  uint64         `json:"changes"`   // of the configuration, up to where that table is
}

// Difference is one thing that is not what the log says.
type Difference struct {
	What string `json:"what"`
	Want string `json:"want"` // by the log
	Got  string `json:"got"`  // what is stored
}

// String is one line for people.
func (d Difference) String() string { return d.What + ": want " + d.Want + ", got " + d.Got }

// Run verifies once. The error means that it could not be done; what differs is in
// the report. progress, if not nil, is called now and then.
func Run(ctx context.Context, cfg Config, progress func(Progress)) (Report, error) {
	v, err := New(cfg)
	if err != nil {
		return Report{}, err
	}
	report, err := v.Run(ctx, progress)
	if err != nil {
		return Report{}, err
	}
	return report, nil
}
