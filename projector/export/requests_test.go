package export_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/export"
	"github.com/llm-hub/llm-hub/projector/query"
)

// onePage answers with one request.
type onePage struct{ query.Request }

// Requests implements [export.Pages].
func (p onePage) Requests(context.Context, query.Page) (query.RequestList, error) {
	return query.RequestList{Rows: []query.Request{p.Request}}, nil
}

// TestRequestsHaveTags: a file says what a page says of whose a request is.
func TestRequestsHaveTags(t *testing.T) {
	day := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	f := query.RequestFilter{Filter: query.Filter{From: day, To: day.AddDate(0, 0, 1)}}
	var file bytes.Buffer
	page := onePage{query.Request{Tenant: "acme", Principal: events.Principal{User: "ann", Key: "ci", Model: "smart", Tags: "batch,ci"}}}
	if err := export.Requests(t.Context(), page, f, func(c []export.Column) (export.Writer, error) { return export.NewWriter(&file, export.JSONL, c) }); err != nil {
		t.Fatal(err)
	}
	var got struct{ Tenant, User, Key, Model, Tags string }
	if err := json.Unmarshal(file.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if want := (struct{ Tenant, User, Key, Model, Tags string }{"acme", "ann", "ci", "smart", "batch,ci"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
