package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
)

// Usage asks how much was used.
func (c *Client) Usage(ctx context.Context, q UsageQuery) (Usage, error) {
	return get[Usage](ctx, c, "usage", q)
}

// Movers asks what changed most since another period.
func (c *Client) Movers(ctx context.Context, q MoversQuery) (Movers, error) {
	return get[Movers](ctx, c, "usage/movers", q)
}

// Repriced asks what the prices in force, or those of another time, would have billed.
func (c *Client) Repriced(ctx context.Context, q RepricedQuery) (Repriced, error) {
	return get[Repriced](ctx, c, "usage/repriced", q)
}

// RepricedBy asks what the prices of a draft would have billed.
func (c *Client) RepricedBy(ctx context.Context, draft Hub, q RepricedQuery) (Repriced, error) {
	return post[Repriced](ctx, c, "usage/repriced", q, draft)
}

// Requests gives every request, the newest first, page by page; an error is the last.
func (c *Client) Requests(ctx context.Context, q RequestsQuery) iter.Seq2[RequestRow, error] {
	return pages(values(q), "cursor", func(query url.Values) ([]RequestRow, string, error) {
		p, err := call[Requests](ctx, c, Request{Method: http.MethodGet, Path: base + "requests", Query: query}, nil)
		return p.Rows, p.Next, err
	})
}

// Story asks for everything that the log holds about a request.
func (c *Client) Story(ctx context.Context, id string) (Story, error) {
	return get[Story](ctx, c, "requests/"+url.PathEscape(id), nil)
}

// Decision asks why a request went where it went.
func (c *Client) Decision(ctx context.Context, id string) (Decision, error) {
	return get[Decision](ctx, c, "requests/"+url.PathEscape(id)+"/decision", nil)
}

// Facets asks which values requests have.
func (c *Client) Facets(ctx context.Context, q RequestQuery) (Facets, error) {
	return get[Facets](ctx, c, "requests/facets", q)
}

// Histogram asks how many requests there were over time.
func (c *Client) Histogram(ctx context.Context, q HistogramQuery) (Histogram, error) {
	return get[Histogram](ctx, c, "requests/histogram", q)
}

// Latency asks how long requests took.
func (c *Client) Latency(ctx context.Context, q LatencyQuery) (Latency, error) {
	return get[Latency](ctx, c, "latency", q)
}

// Errors asks what went wrong.
func (c *Client) Errors(ctx context.Context, q Traffic) (Errors, error) {
	return get[Errors](ctx, c, "errors", q)
}

// Health asks how targets did over time.
func (c *Client) Health(ctx context.Context, q HealthQuery) (Health, error) {
	return get[Health](ctx, c, "targets/health", q)
}

// Summaries asks how targets did of late, by the log.
func (c *Client) Summaries(ctx context.Context) (Summaries, error) {
	return get[Summaries](ctx, c, "targets/summaries", nil)
}

// Budgets asks how limits stand, or stood; Progress is not for it.
func (c *Client) Budgets(ctx context.Context, q BudgetsQuery) (Budgets, error) {
	return get[Budgets](ctx, c, "budgets", q)
}

// Status asks how the installation stands.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return get[Status](ctx, c, "status", nil)
}

// Schema asks where the schema of the tables stands.
func (c *Client) Schema(ctx context.Context) (Schema, error) {
	return get[Schema](ctx, c, "migrations", nil)
}

// Migrate brings the schema of the tables up to date.
func (c *Client) Migrate(ctx context.Context) (Schema, error) {
	return post[Schema](ctx, c, "migrations", nil, nil)
}

// Correct corrects the usage of an attempt.
func (c *Client) Correct(ctx context.Context, order CorrectionOrder) (Correction, error) {
	return post[Correction](ctx, c, "corrections", nil, order)
}

// Rewrap wraps every data key by the master key that is first now.
func (c *Client) Rewrap(ctx context.Context) (Rewrapped, error) {
	return post[Rewrapped](ctx, c, "master-key/rewrap", nil, nil)
}

// Apply puts a whole configuration in force.
func (c *Client) Apply(ctx context.Context, hub Hub, q ApplyQuery) (Done, error) {
	return post[Done](ctx, c, "config", q, hub)
}

// Config gives the configuration in force as hub.yaml.
func (c *Client) Config(ctx context.Context, q AtQuery) ([]byte, error) {
	return c.file(ctx, "config", q)
}

// OpenAPI gives the description of the API.
func (c *Client) OpenAPI(ctx context.Context) ([]byte, error) {
	return c.file(ctx, "openapi.json", nil)
}

func (c *Client) file(ctx context.Context, path string, query any) ([]byte, error) {
	body, err := c.open(ctx, path, query)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// open opens an answer that is a file. The caller closes it.
func (c *Client) open(ctx context.Context, path string, query any) (io.ReadCloser, error) {
	resp, err := c.Do(ctx, Request{Method: http.MethodGet, Path: base + path, Query: values(query)})
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// Export opens a file: usage, requests or focus, with its query. The caller closes it;
// one that breaks off is an error of reading.
func (c *Client) Export(ctx context.Context, what string, query any) (io.ReadCloser, error) {
	return c.open(ctx, "export/"+url.PathEscape(what), query)
}

// Audit gives every change, the newest first, page by page; an error is the last.
func (c *Client) Audit(ctx context.Context, q AuditQuery) iter.Seq2[Entry, error] {
	return pages(values(q), "before", func(query url.Values) ([]Entry, string, error) {
		p, err := call[Entries](ctx, c, Request{Method: http.MethodGet, Path: base + "audit", Query: query}, nil)
		return p.Items, p.Next, err
	})
}

// AuditCounts asks how often the configuration was changed.
func (c *Client) AuditCounts(ctx context.Context, q AuditCountsQuery) (AuditCounts, error) {
	return get[AuditCounts](ctx, c, "audit/counts", q)
}

// AuditKey gives the key that checkpoints of the audit are signed by.
func (c *Client) AuditKey(ctx context.Context) (AuditKey, error) {
	return get[AuditKey](ctx, c, "audit/key", nil)
}

// AuditExport gives every message of the control stream; an error is the last.
func (c *Client) AuditExport(ctx context.Context) iter.Seq2[AuditMessage, error] {
	return lines[AuditMessage](ctx, c, Request{Method: http.MethodGet, Path: base + "audit/export"}, nil)
}

// VerifyAudit checks the chain of the control stream.
func (c *Client) VerifyAudit(ctx context.Context, q KnownQuery) (AuditReport, error) {
	return get[AuditReport](ctx, c, "audit/verify", q)
}

// Events gives events of the log, or its dead letters; an error is the last.
func (c *Client) Events(ctx context.Context, q EventsQuery) iter.Seq2[LoggedEvent, error] {
	return lines[LoggedEvent](ctx, c, Request{Method: http.MethodGet, Path: base + "events", Query: values(q)}, nil)
}

// lines reads an answer line by line.
func lines[T any](ctx context.Context, c *Client, r Request, body any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		resp, err := c.send(ctx, r, body)
		if err != nil {
			yield(none, err)
			return
		}
		defer resp.Body.Close()
		for line, err := range Lines(resp.Body) {
			var v T
			if err == nil {
				err = json.Unmarshal(line, &v)
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

const maxLine = 4 << 20

// Lines reads newline-delimited JSON as the API writes it: what went wrong in the middle
// is the error that ends it. A line is good until the next.
func Lines(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		s := bufio.NewScanner(r)
		s.Buffer(nil, maxLine)
		for s.Scan() {
			var last struct{ Error *LineError }
			if bytes.HasPrefix(s.Bytes(), []byte(`{"error":`)) && json.Unmarshal(s.Bytes(), &last) == nil && last.Error != nil {
				yield(nil, errors.New(last.Error.Detail))
				return
			}
			if !yield(s.Bytes(), nil) {
				return
			}
		}
		if err := s.Err(); err != nil {
			yield(nil, fmt.Errorf("the answer broke off: %w", err))
		}
	}
}
