package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	api "github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/publish"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/record"
	"github.com/llm-hub/llm-hub/projector/query"
	"github.com/llm-hub/llm-hub/projector/replay"
)

// repriceCmd shows what other prices would have billed, and gives what was recorded
// without a price one.
type repriceCmd struct {
	exported
	output
	PricesAt string `help:"By the prices that were in force at this time (RFC 3339 or a date in UTC)." placeholder:"TIME"`
	Config   string `help:"By the prices of this hub.yaml, which is not put in force." type:"path" placeholder:"FILE"`
	Correct  bool   `help:"Book the prices in force for what was recorded without one, as corrections. Running it again corrects nothing."`
	DryRun   bool   `help:"With --correct: only show what would be booked."`
}

// Run prints the answer of /api/v1/usage/repriced, or what was corrected.
func (c *repriceCmd) Run(ctx context.Context, w world) error {
	switch {
	case c.Job || c.Store != "":
		return usageError{errors.New("--job, --store: only a file can be made in the background")}
	case c.Correct:
		return c.correct(ctx, w)
	case c.DryRun:
		return usageError{errors.New("--dry-run: is for --correct")}
	}
	q := url.Values{}
	set(q, "prices_at", c.PricesAt)
	m := message{method: http.MethodGet, path: "/api/v1/usage/repriced", query: c.query(q)}
	if c.Config != "" {
		var err error
		if m.body, err = draft(w, c.Config); err != nil {
			return err
		}
		m.method = http.MethodPost
	}
	return c.exchange(ctx, w, m, func(body io.Reader) error {
		raw, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		var r api.Repriced
		if err := json.Unmarshal(raw, &r); err != nil {
			return fmt.Errorf("reprice: %w", err)
		}
		warnKept(w, r.AsOf.KeptSince)
		if c.Output == "json" {
			return printJSON(w.out, raw)
		}
		return printRepriced(w.out, r)
	})
}

// printRepriced writes a line for each tenant and model, the largest difference first,
// and what they come to.
func printRepriced(w io.Writer, r api.Repriced) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "TENANT\tPROVIDER\tMODEL\tATTEMPTS\tBILLED\tREPRICED\tDIFFERENCE\tUNPRICED")
	totals := r.Totals
	totals.Tenant = "all"
	for _, row := range append(r.Rows, totals) {
		unpriced := fmt.Sprint(row.BilledUnpriced)
		if row.BilledUnpriced != row.RepricedUnpriced {
			unpriced = fmt.Sprintf("%d, then %d", row.BilledUnpriced, row.RepricedUnpriced)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t$%s\t$%s\t$%s\t%s\n", row.Tenant, row.Provider, row.Model, row.Attempts,
			accounting.FormatUSD(row.Billed), accounting.FormatUSD(row.Repriced), accounting.FormatUSD(row.Difference), unpriced)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "price version %s\n", r.PriceVersion)
	return err
}

func (c *repriceCmd) correct(ctx context.Context, w world) error {
	if c.PricesAt+c.Config != "" {
		return usageError{errors.New("--correct: books the prices in force, so --prices-at and --config are not for it")}
	}
	q := url.Values{}
	if c.DryRun {
		q.Set("dry_run", "true")
	}
	m := message{method: http.MethodPost, path: "/api/v1/corrections/unpriced", query: c.query(q)}
	return c.exchange(ctx, w, m, func(body io.Reader) error {
		result, err := readResult(body, func(progress json.RawMessage) { fmt.Fprintf(w.err, "%s\n", progress) })
		if err != nil {
			return err
		}
		var done unpricedReport
		if err := json.Unmarshal(result, &done); err != nil {
			return fmt.Errorf("corrections: %w", err)
		}
		warnKept(w, done.KeptSince)
		return printJSON(w.out, result)
	})
}

// draft reads a configuration that is not put in force, for the way to the server.
func draft(w world, path string) ([]byte, error) {
	loader, err := newLoader(w.env)
	if err != nil {
		return nil, err
	}
	wanted, err := loader.Load(path)
	if err != nil {
		return nil, usageError{fmt.Errorf("--config: %w", err)}
	}
	return wanted.Encode()
}

// reprice prices usage by the book in force, or by that of another configuration.
func (h *localHub) reprice(ctx context.Context, e *query.Engine, q admin.Question) (any, error) {
	if h.plane == nil {
		return nil, &gateway.Error{Kind: gateway.Unavailable, Public: "There is no configuration in this process, and so no prices."}
	}
	catalog := q.Prices
	if catalog == nil {
		catalog = h.plane.Live().Current()
	}
	price := func(t events.Target, at time.Time, u events.Usage) (int64, bool) {
		charge := h.priced(catalog, t, at, u)
		if charge.CostNanoUSD == nil {
			return 0, false
		}
		return *charge.CostNanoUSD, true
	}
	answer, err := e.Reprice(ctx, filterOf(q.TrafficFilter).Filter, price)
	if err != nil {
		return nil, queryError(err)
	}
	return struct {
		PriceVersion string `json:"price_version"`
		query.Repriced
	}{catalog.Prices.Version, answer}, nil
}

// priced is the charge of usage by the book of a configuration. A provider that is not
// in it is of the kind that it has now.
func (h *localHub) priced(catalog *control.Catalog, t events.Target, at time.Time, u events.Usage) events.Charge {
	item := accounting.Item{Model: t.Model, At: at}
	for _, c := range []*control.Catalog{catalog, h.plane.Live().Current()} {
		if p := c.Providers[t.Provider]; p != nil {
			item.Kind = p.Kind
			break
		}
	}
	return catalog.Prices.Price(item, u)
}

// unpricedReport says what became of what was recorded without a price.
type unpricedReport struct {
	DryRun       bool          `json:"dry_run,omitempty"`
	PriceVersion string        `json:"price_version"`
	Found        int           `json:"found"`         // attempts without a price
	Corrected    int           `json:"corrected"`     // of these, have one now; or would have
	Unknown      int           `json:"unknown"`       // the book has none either
	Done         int           `json:"done"`          // had been corrected, and the tables do not know it yet
	CostNanoUSD  int64         `json:"cost_nano_usd"` // of what was corrected
	Rows         []unpricedRow `json:"rows"`          // of the same, by tenant and model
	// KeptSince is absent, unless something was asked for of before it, where nothing was looked for.
	KeptSince time.Time `json:"kept_since,omitzero"`
}

type unpricedRow struct {
	Tenant      events.TenantID `json:"tenant"`
	Provider    string          `json:"provider"`
	Model       string          `json:"upstream_model"`
	Attempts    int             `json:"attempts"`
	CostNanoUSD int64           `json:"cost_nano_usd"`
}

func (r *unpricedReport) add(u query.Unpriced, cost int64) {
	r.Corrected++
	r.CostNanoUSD += cost
	i := slices.IndexFunc(r.Rows, func(o unpricedRow) bool {
		return o.Tenant == u.Tenant && o.Provider == u.Target.Provider && o.Model == u.Target.Model
	})
	if i < 0 {
		i = len(r.Rows)
		r.Rows = append(r.Rows, unpricedRow{Tenant: u.Tenant, Provider: u.Target.Provider, Model: u.Target.Model})
	}
	r.Rows[i].Attempts++
	r.Rows[i].CostNanoUSD += cost
}

const (
	// reasonPriced is why usage that had no price is corrected.
	reasonPriced = "priced"
	// unpricedBatch is how many requests are corrected by one reading of the log.
	unpricedBatch = 200
	// unpricedTime bounds the correction of one batch.
	unpricedTime = 5 * time.Minute
)

// priceUnpriced books a price for what was recorded without one. The tables say where
// to look; what is booked is decided by the log alone, while nobody else corrects the
// same requests.
func (h *localHub) priceUnpriced(ctx context.Context, q admin.Question, dry bool, report func(any) error) (any, error) {
	if h.stores.tables == nil {
		return nil, &gateway.Error{Kind: gateway.Unavailable, Public: "There is no ClickHouse: nothing tells what has no price."}
	}
	found, asOf, err := h.questions().Unpriced(ctx, filterOf(q.TrafficFilter).Filter)
	if err != nil {
		return nil, queryError(err)
	}
	publisher, done, err := h.publishing()
	if err != nil {
		return nil, toOperator(err)
	}
	job := &pricing{hub: h, publisher: publisher, catalog: h.plane.Live().Current(), report: unpricedReport{DryRun: dry, Found: len(found), Rows: []unpricedRow{}}}
	job.report.KeptSince = asOf.KeptSince
	job.report.PriceVersion = job.catalog.Prices.Version
	err = job.run(ctx, found, report)
	return job.report, toOperator(errors.Join(err, done(ctx)))
}

// pricing is one run of [localHub.priceUnpriced].
type pricing struct {
	hub       *localHub
	publisher *publish.Publisher
	catalog   *control.Catalog
	report    unpricedReport
}

func (p *pricing) run(ctx context.Context, found []query.Unpriced, report func(any) error) error {
	for batch := range slices.Chunk(found, unpricedBatch) {
		if err := p.batch(ctx, batch); err != nil {
			return err
		}
		if err := report(p.report); err != nil {
			return err
		}
	}
	return nil
}

type attemptOf struct {
	request events.RequestID
	attempt int
}

func (p *pricing) batch(ctx context.Context, list []query.Unpriced) error {
	ctx, cancel := context.WithTimeout(ctx, unpricedTime)
	defer cancel()
	held := map[events.RequestID]func(){}
	defer func() {
		for _, free := range held {
			free()
		}
	}()
	for _, u := range list {
		if p.report.DryRun || held[u.Request] != nil {
			continue
		}
		free, err := p.hub.correcting(ctx, u.Request, 2*unpricedTime)
		if err != nil {
			return err
		}
		held[u.Request] = free
	}
	accounts, err := p.accounts(ctx, list)
	if err != nil {
		return err
	}
	for _, u := range list {
		if err := p.one(ctx, u, accounts[attemptOf{u.Request, u.Attempt}]); err != nil {
			return err
		}
	}
	return nil
}

// accounts reads what the log says of some attempts, once for each of their tenants.
func (p *pricing) accounts(ctx context.Context, list []query.Unpriced) (map[attemptOf]*account, error) {
	out, from := map[attemptOf]*account{}, map[events.TenantID]time.Time{}
	for _, u := range list {
		out[attemptOf{u.Request, u.Attempt}] = &account{done: map[int]uint64{}, ids: map[int]events.ID{}}
		if first, known := from[u.Tenant]; !known || u.At.Before(first) {
			from[u.Tenant] = u.At
		}
	}
	for tenant, first := range from {
		filter := replay.Filter{From: replay.Bound{Time: first.Add(-time.Minute)}, Tenant: tenant} // clocks differ
		err := replay.Run(ctx, p.hub.stores.whole, filter, func(r replay.Record) error {
			e := r.Decoded()
			for n := 1; ; n++ {
				acc := out[attemptOf{e.Request, n}]
				if acc == nil && n > maxAttemptsOf {
					return nil
				}
				if acc != nil {
					if err := acc.take(n, r); err != nil {
						return err
					}
				}
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// maxAttemptsOf bounds the attempts of one request.
const maxAttemptsOf = 8

// one corrects one attempt, or counts why not.
func (p *pricing) one(ctx context.Context, u query.Unpriced, acc *account) error {
	if acc.recorded == nil || acc.net.Unpriced <= 0 {
		p.report.Done++
		return nil
	}
	charge := p.hub.priced(p.catalog, acc.recorded.Target, acc.admitted, acc.net.Usage)
	if charge.CostNanoUSD == nil {
		p.report.Unknown++
		return nil
	}
	if !p.report.DryRun {
		charge.Usage = events.Usage{} // it is on the books
		*charge.CostNanoUSD -= acc.net.Cost
		if acc.net.Cost != 0 { // of an earlier correction: then the lines are not what is added
			charge.Lines = nil
		}
		e, err := record.Correction{
			Tenant: u.Tenant, Request: u.Request, Admitted: acc.admitted, Principal: acc.recorded.Principal, Target: acc.recorded.Target,
			Attempt: u.Attempt, N: len(acc.done) + 1, Reason: reasonPriced, Delta: charge, Priced: true,
		}.Event(p.hub.node, time.Now())
		if err != nil {
			return err
		}
		receipt, err := p.publisher.Publish(e)
		if err != nil {
			return err
		}
		if _, err := receipt.Wait(ctx); err != nil {
			return err
		}
	}
	p.report.add(u, *charge.CostNanoUSD)
	return nil
}
