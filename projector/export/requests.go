package export

import (
	"context"
	"time"

	"github.com/llm-hub/llm-hub/projector/query"
)

// slice is how much of the time is walked at once, so that no page looks at more.
const slice = 24 * time.Hour

// Pages gives pages of requests, as [query.Engine] does.
type Pages interface {
	Requests(ctx context.Context, p query.Page) (query.RequestList, error)
}

// Requests writes all requests that a filter lets through, newest first, as their
// pages show them.
func Requests(ctx context.Context, pages Pages, f query.RequestFilter, begin func([]Column) (Writer, error)) error {
	var w Writer
	for to := f.To; to.After(f.From); to = to.Add(-slice) {
		part := f
		part.To = to
		if start := to.Add(-slice); start.After(f.From) {
			part.From = start
		}
		for p := (query.Page{RequestFilter: part, Limit: query.MaxPage}); ; {
			list, err := pages.Requests(ctx, p)
			if err != nil {
				return err
			}
			if w == nil { // not before the first answer: a mistake in the filter is no file
				if w, err = begin(requestColumns()); err != nil {
					return err
				}
			}
			for _, r := range list.Rows {
				if err := w.Row(requestValues(r)); err != nil {
					return err
				}
			}
			if list.Next == "" {
				break
			}
			if p.After, err = query.ParseCursor(list.Next); err != nil {
				return err
			}
		}
	}
	if w == nil {
		return &query.InvalidError{Field: "to", Reason: "must be after from"}
	}
	return w.Close()
}

func requestColumns() []Column {
	out := []Column{{"id", Text, false}, {"admitted_at", Moment, false}, {"ended_at", Moment, false}}
	for _, name := range []string{
		"tenant", "team", "user", "key", "model", "tags", "node", "endpoint", "outcome", "error", "reason", "limit",
		"provider", "credential", "upstream_model", "finish",
	} {
		out = append(out, Column{Name: name})
	}
	out = append(out, Column{Name: "stream", Kind: Boolean})
	for _, name := range []string{"status", "tries", "first_byte_ns", "total_ns", "count", "seq"} {
		out = append(out, Column{Name: name, Kind: Integer})
	}
	return append(out, amountColumns()...)
}

func requestValues(r query.Request) []any {
	return append([]any{
		r.ID, r.WindowAt, r.EndedAt, r.Tenant, r.Principal.Team, r.Principal.User, r.Principal.Key, r.Principal.Model, r.Principal.Tags, r.Node, r.Endpoint, r.Outcome, r.Error,
		r.Reason, r.Limit, r.Target.Provider, r.Target.Credential, r.Target.Model, r.Finish, r.Stream, int64(r.Status), int64(r.Attempts),
		r.FirstByte, r.Total, int64(r.Count), int64(min(r.Seq, 1<<63-1)),
	}, amountValues(r.Amounts)...)
}
