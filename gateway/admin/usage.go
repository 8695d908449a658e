package admin

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/events"
)

// Dimension is what usage is grouped by and filtered on.
type Dimension string

// The dimensions.
const (
	ByQuarter    Dimension = "quarter_hour"
	ByHour       Dimension = "hour"
	ByDay        Dimension = "day"
	ByWeek       Dimension = "week" // from Monday on
	ByMonth      Dimension = "month"
	ByTenant     Dimension = "tenant"
	ByTeam       Dimension = "team" // of the key
	ByUser       Dimension = "user"
	ByKey        Dimension = "key"
	ByModel      Dimension = "model" // logical
	ByProvider   Dimension = "provider"
	ByCredential Dimension = "credential"
	ByUpstream   Dimension = "upstream_model" // the vendor's
	ByTag        Dimension = "tag"            // of the key; groups overlap where keys have several
)

func spans() []Dimension { return []Dimension{ByQuarter, ByHour, ByDay, ByWeek, ByMonth} }

func names() []Dimension {
	return []Dimension{ByTenant, ByTeam, ByUser, ByKey, ByModel, ByProvider, ByCredential, ByUpstream, ByTag}
}

// defaultRange is how far back a question goes that does not say.
const defaultRange = 24 * time.Hour

// UsageQuery is a question about usage.
type UsageQuery struct {
	TrafficFilter
	GroupBy []Dimension // each once; at most one of hour, day, month and the like
	// Top keeps the groups of the first dimension that is no span with the most of
	// RankBy and adds up the others; 0 keeps all.
	Top     int
	RankBy  string // empty: cost
	Compare TrafficPeriod
}

// UsageTable is the answer.
type UsageTable struct {
	Rows     []UsageRow // in the order of their groups
	Totals   UsageRow   // of all that the filter lets through
	Compared []UsageRow // of the period to compare with
	Before   UsageRow   // the totals of that period
	Overlap  bool       // rows overlap, so they do not add up to the totals
	AsOf     client.AsOf
}

// UsageRow is the usage of one group.
type UsageRow struct {
	Group       []string // by the query's dimensions; a span by its start as RFC 3339, in the query's zone
	Other       bool     // the groups that the ranking did not keep
	Requests    int64    // admitted
	Attempts    int64
	Failures    int64 // attempts without an answer
	Usage       events.Usage
	CostNanoUSD *int64 // of what has a price; nil if nothing has
	Unpriced    int64  // records without a known price, not in the cost
}

// usageRow is a row as it is written.
type usageRow struct {
	Group       map[Dimension]string `json:"group,omitempty"`
	Other       bool                 `json:"other,omitempty"`
	Requests    int64                `json:"requests"`
	Attempts    int64                `json:"attempts"`
	Failures    int64                `json:"failures"`
	Input       int64                `json:"input_tokens"` // of all classes
	Output      int64                `json:"output_tokens"`
	Usage       events.Usage         `json:"usage"`
	CostNanoUSD *int64               `json:"cost_nano_usd"`
	CostUSD     *string              `json:"cost_usd"`
	Unpriced    int64                `json:"unpriced"`
}

type usageAnswer struct {
	From    time.Time   `json:"from"`
	To      time.Time   `json:"to"`
	Zone    string      `json:"time_zone"`
	GroupBy []Dimension `json:"group_by"`
	AsOf    client.AsOf `json:"as_of"`
	Overlap bool        `json:"overlapping,omitempty"` // what has several tags is in a row of each; in totals once
	usageRows
	Compared *comparedUsage `json:"compared,omitempty"`
}

type usageRows struct {
	Rows   []usageRow `json:"rows"`
	Totals usageRow   `json:"totals"`
}

type comparedUsage struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	usageRows
}

func (a *API) usage(c echo.Context) error {
	p := newParams(c)
	q := readUsageQuery(p, time.Now())
	q.Compare = readCompare(p, q.TrafficFilter)
	if err := p.done(); err != nil {
		return err
	}
	if a.cfg.Usage == nil {
		return absent("Usage")
	}
	q.Scope = scopeOf(c)
	table, err := a.cfg.Usage(c.Request().Context(), q)
	if err != nil {
		return err
	}
	out := usageAnswer{
		From: q.From, To: q.To, Zone: q.Zone.String(), GroupBy: q.GroupBy,
		AsOf: table.AsOf, Overlap: table.Overlap, usageRows: wireRows(q.GroupBy, table.Rows, table.Totals),
	}
	if q.Compare != (TrafficPeriod{}) {
		out.Compared = &comparedUsage{q.Compare.From, q.Compare.To, wireRows(q.GroupBy, table.Compared, table.Before)}
	}
	sayKept(c, table.AsOf.KeptSince)
	return c.JSON(http.StatusOK, out)
}

func wireRows(by []Dimension, rows []UsageRow, totals UsageRow) usageRows {
	out := usageRows{Rows: []usageRow{}, Totals: wireRow(nil, totals)}
	for _, r := range rows {
		out.Rows = append(out.Rows, wireRow(by, r))
	}
	return out
}

func readUsageQuery(p *params, now time.Time) UsageQuery {
	q := UsageQuery{TrafficFilter: readFilter(p, now, names()), GroupBy: []Dimension{}}
	if by := p.text("group_by"); by != "" {
		q.GroupBy = readGroups(p, strings.Split(by, ","), names())
	}
	q.Top, q.RankBy = int(p.number("top", 1000)), p.choice("rank_by", metrics()...)
	if q.Top > 0 && !slices.ContainsFunc(q.GroupBy, func(d Dimension) bool { return slices.Contains(names(), d) }) {
		p.wrong("top", "needs a group that is not a span of time")
	}
	return q
}

func readGroups(p *params, words []string, known []Dimension) []Dimension {
	var out []Dimension
	allowed := slices.Concat(spans(), known)
	for _, w := range words {
		d := Dimension(w)
		switch {
		case !slices.Contains(allowed, d):
			p.wrong("group_by", "%q is not one of %s", w, join(allowed))
		case slices.Contains(out, d):
			p.wrong("group_by", "%q is given twice", w)
		case slices.Contains(spans(), d) && slices.ContainsFunc(out, func(o Dimension) bool { return slices.Contains(spans(), o) }):
			p.wrong("group_by", "only one of %s can be given", join(spans()))
		}
		out = append(out, d)
	}
	return out
}

func join(ds []Dimension) string {
	words := make([]string, len(ds))
	for i, d := range ds {
		words[i] = string(d)
	}
	return strings.Join(words, ", ")
}

func wireRow(by []Dimension, r UsageRow) usageRow {
	out := usageRow{
		Group: map[Dimension]string{}, Other: r.Other, Requests: r.Requests, Attempts: r.Attempts, Failures: r.Failures,
		Input: r.Usage.InputTotal(), Output: r.Usage.OutputTotal(), Usage: r.Usage,
		CostNanoUSD: r.CostNanoUSD, Unpriced: r.Unpriced,
	}
	if r.CostNanoUSD != nil {
		usd := accounting.FormatUSD(*r.CostNanoUSD)
		out.CostUSD = &usd
	}
	for i, d := range by {
		out.Group[d] = r.Group[i]
	}
	return out
}
