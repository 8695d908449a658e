package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/projector/export"
	"github.com/llm-hub/llm-hub/projector/query"
)

type exportCmd struct {
	Usage    exportUsageCmd    `cmd:"" help:"Usage, grouped."`
	Requests exportRequestsCmd `cmd:"" help:"Requests that ended, and refusals, newest first."`
	Focus    exportFocusCmd    `cmd:"" help:"Costs in the shape of the FinOps Open Cost and Usage Specification, by day of UTC."`
}

// exported is what the exports share.
type exported struct {
	remote
	From     string            `required:"" help:"Start (RFC 3339 or a date in the time zone)."`
	To       string            `required:"" help:"End, exclusive."`
	TimeZone string            `help:"Time zone of dates, hours and days." default:"UTC"`
	Where    map[string]string `help:"Only these: model=smart,fast;tenant=acme." placeholder:"DIMENSION=VALUES"`
	Job      bool              `help:"Make the file in the background, part by part, and fetch it then."`
	Store    string            `help:"With --job: the storage that gets the file, instead of this command." placeholder:"s3://BUCKET/PREFIX"`
}

type exportUsageCmd struct {
	exported
	GroupBy []string `help:"hour, day, week, month, model, key, tenant, provider, ..."`
	Top     int      `help:"Keep this many groups of the first dimension that is no span, and add up the others."`
	RankBy  string   `help:"What --top goes by: cost, requests, attempts, failures, tokens, input_tokens or output_tokens. Default: cost."`
	Format  string   `help:"csv, json, jsonl or parquet." default:"csv" enum:"csv,json,jsonl,parquet"`
}

type exportRequestsCmd struct {
	exported
	Format string `help:"csv, jsonl or parquet." default:"csv" enum:"csv,jsonl,parquet"`
}

type exportFocusCmd struct {
	exported
	Format string `help:"csv, jsonl or parquet." default:"csv" enum:"csv,jsonl,parquet"`
}

// Run writes usage, grouped; as JSON it is the answer of /api/v1/usage.
func (c *exportUsageCmd) Run(ctx context.Context, w world) error {
	more := url.Values{}
	set(more, "group_by", strings.Join(c.GroupBy, ","))
	if c.Top != 0 {
		more.Set("top", strconv.Itoa(c.Top))
	}
	set(more, "rank_by", c.RankBy)
	if c.Format == "json" && (c.Job || c.Store != "") {
		return usageError{errors.New("--job: with csv, jsonl and parquet only")}
	}
	if c.Format == "json" {
		return c.write(ctx, w, "/api/v1/usage", more)
	}
	more.Set("format", c.Format)
	return c.write(ctx, w, "/api/v1/export/usage", more)
}

// Run writes requests.
func (c *exportRequestsCmd) Run(ctx context.Context, w world) error {
	return c.write(ctx, w, "/api/v1/export/requests", url.Values{"format": {c.Format}})
}

// Run writes charges.
func (c *exportFocusCmd) Run(ctx context.Context, w world) error {
	return c.write(ctx, w, "/api/v1/export/focus", url.Values{"format": {c.Format}})
}

func (c *exported) write(ctx context.Context, w world, path string, q url.Values) error {
	q = c.query(q)
	what, file := strings.CutPrefix(path, "/api/v1/export/")
	switch {
	case c.Store != "" && !c.Job:
		return usageError{errors.New("--store: needs --job")}
	case c.Job && !file:
		return usageError{errors.New("--job: only a file can be made in the background")}
	case c.Job:
		return c.background(ctx, w, what, q)
	}
	return c.call(ctx, w, http.MethodGet, path, q, func(body io.Reader) error {
		_, err := io.Copy(w.out, body)
		return err
	})
}

// query adds to q which traffic is meant.
func (c *exported) query(q url.Values) url.Values {
	for dimension, values := range c.Where {
		q.Set(dimension, values)
	}
	q.Set("from", c.From)
	q.Set("to", c.To)
	q.Set("time_zone", c.TimeZone)
	return q
}

// export writes files from the tables; nil where there are none.
func (h *localHub) export() func(context.Context, admin.ExportQuery, admin.File) error {
	if h.stores.tables == nil {
		return nil
	}
	engine := h.questions()
	return func(ctx context.Context, q admin.ExportQuery, to admin.File) error {
		err := exportOf(ctx, engine, q, exportFile{to.KeptSince, func(columns []export.Column) (export.Writer, error) {
			return export.NewWriter(to, export.Format(q.Format), columns)
		}})
		if err != nil {
			return queryError(err)
		}
		return nil
	}
}

// exportFile is a file to be written. It is told of its horizon, which is zero where
// nothing is cut off, before it begins.
type exportFile struct {
	keptSince func(time.Time)
	begin     func([]export.Column) (export.Writer, error)
}

// steady gives pages that are cut off where the first was said to be.
type steady struct {
	*query.Engine
	since time.Time
}

// errLetGo breaks off an export that would lack more than it said.
var errLetGo = errors.New("the tables have let go of rows meanwhile")

// Requests implements [export.Pages].
func (s steady) Requests(ctx context.Context, p query.Page) (query.RequestList, error) {
	list, err := s.Engine.Requests(ctx, p)
	if err == nil && list.AsOf.KeptSince.After(s.since) {
		err = errLetGo
	}
	return list, err
}

// exportOf writes what is asked for.
func exportOf(ctx context.Context, e *query.Engine, q admin.ExportQuery, to exportFile) error {
	f := filterOf(q.TrafficFilter)
	switch q.What {
	case "usage":
		question := questionOf(q.UsageQuery)
		answer, err := e.Usage(ctx, question)
		if err != nil {
			return err
		}
		to.keptSince(answer.AsOf.KeptSince)
		return export.Usage(question, answer, to.begin)
	case "requests":
		since, err := e.KeptSince(ctx, f.Filter)
		if err != nil {
			return err
		}
		to.keptSince(since)
		return export.Requests(ctx, steady{e, since}, f, to.begin)
	case "focus":
		answer, err := e.Usage(ctx, export.FocusQuestion(f.Filter))
		if err != nil {
			return err
		}
		to.keptSince(answer.AsOf.KeptSince)
		return export.Focus(answer, to.begin)
	default:
		return fmt.Errorf("nobody exports %s", q.What)
	}
}
