package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	api "github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/projector/export"
	"github.com/llm-hub/llm-hub/projector/export/jobs"
	"github.com/llm-hub/llm-hub/projector/objectstore"
	"github.com/llm-hub/llm-hub/projector/query"
)

// exportsDir is where exports are made, in the data directory.
const exportsDir = "exports"

// openExports finds the exports of the directory; nothing is done where there are no tables.
func (h *localHub) openExports(dir *dataDir, env func(string) (string, bool)) (err error) {
	if h.stores.tables == nil {
		return nil
	}
	engine := h.questions()
	h.jobs, err = jobs.Open(jobs.Config{
		Dir: dir.file(exportsDir), Log: h.log, Final: isFinal,
		Open: func(location string) (objectstore.Writer, error) { return openExportStore(location, env) },
		Write: func(ctx context.Context, o jobs.Order, p jobs.Part, to io.Writer) (jobs.Content, error) {
			return writePart(ctx, engine, o, p, to)
		},
	})
	return err
}

// runExports carries exports out until closers stop them.
func (h *localHub) runExports(ctx context.Context, closers *stopList) {
	if h.jobs == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { h.jobs.Run(ctx) })
	closers.push("exports", func(context.Context) error {
		cancel()
		running.Wait()
		return nil
	})
}

// openExportStore opens the storage that an order names: no directory, which would be one
// of this machine.
func openExportStore(location string, env func(string) (string, bool)) (objectstore.Writer, error) {
	store, err := objectstore.Store(nil), errors.New("want s3://bucket/prefix")
	if strings.HasPrefix(location, "s3://") {
		store, err = objectstore.Open(location, env)
	}
	if err != nil {
		return nil, &gateway.Error{Kind: gateway.Invalid, Param: "store", Public: "Parameter store: " + err.Error() + ".", Cause: err}
	}
	return store, nil
}

// errOrder says that an order of another version cannot be read.
var errOrder = errors.New("the order cannot be read")

// isFinal tells whether an export would fail again in the same way.
func isFinal(err error) bool {
	_, invalid := errors.AsType[*query.InvalidError](err)
	return invalid || errors.Is(err, query.ErrTooLarge) || errors.Is(err, query.ErrTooMany) || errors.Is(err, errOrder) || errors.Is(err, objectstore.ErrNoBucket)
}

// orderedQuery is a query as an order keeps it. A time zone is its name.
type orderedQuery struct {
	admin.ExportQuery
	ZoneName string
}

func encodeQuery(q admin.ExportQuery) (json.RawMessage, error) {
	kept := orderedQuery{q, q.Zone.String()}
	kept.Zone = nil
	return json.Marshal(kept)
}

func decodeQuery(text json.RawMessage) (admin.ExportQuery, error) {
	var kept orderedQuery
	err := json.Unmarshal(text, &kept)
	if err == nil {
		kept.Zone, err = time.LoadLocation(kept.ZoneName)
	}
	if err != nil {
		return admin.ExportQuery{}, fmt.Errorf("%w: %w", errOrder, err)
	}
	return kept.ExportQuery, nil
}

// writePart writes the rows of one part as a file of its own.
func writePart(ctx context.Context, e *query.Engine, o jobs.Order, p jobs.Part, to io.Writer) (out jobs.Content, err error) {
	q, err := decodeQuery(o.Query)
	if err != nil {
		return out, err
	}
	q.From, q.To = p.From, p.To
	err = exportOf(ctx, e, q, exportFile{func(t time.Time) { out.KeptSince = t }, func(columns []export.Column) (export.Writer, error) {
		w, err := export.NewWriter(to, export.Format(q.Format), columns)
		return countedRows{w, &out.Rows}, err
	}})
	return out, err
}

// countedRows counts what is written.
type countedRows struct {
	export.Writer
	n *int64
}

// Row implements [export.Writer].
func (c countedRows) Row(values []any) error {
	*c.n++
	return c.Writer.Row(values)
}

// exports makes exports in the background; nil where there are no tables.
func (h *localHub) exports() *admin.Exports {
	if h.jobs == nil {
		return nil
	}
	return &admin.Exports{
		Start: h.startExport,
		List: func(s admin.Scope) any {
			out := []api.Export{}
			for _, j := range h.jobs.List(seenBy(s, "")) {
				out = append(out, toldOf(j))
			}
			return out
		},
		Get: func(s admin.Scope, id string) (any, error) {
			job, err := h.jobs.Get(id, seenBy(s, ""))
			return toldOf(job), exportError(err)
		},
		Open: func(s admin.Scope, id string) (admin.ExportFile, error) {
			f, job, err := h.jobs.File(id, seenBy(s, ""))
			if err != nil {
				return admin.ExportFile{}, exportError(err)
			}
			return admin.ExportFile{ReadSeekCloser: f, ID: id, Name: job.Order.Name, Format: string(job.Order.Format), At: job.Ended}, nil
		},
		Delete: func(s admin.Scope, by, id string) (any, error) {
			job, err := h.jobs.Delete(id, seenBy(s, by))
			return toldOf(job), exportError(err)
		},
	}
}

func (h *localHub) startExport(o admin.ExportOrder) (id string, job any, err error) {
	text, err := encodeQuery(o.ExportQuery)
	if err != nil {
		return "", nil, err
	}
	by := jobs.Owner{Everyone: o.Scope.Everyone, User: o.Scope.User, Actor: o.Actor}
	for _, t := range o.Scope.Tenants {
		by.Tenants = append(by.Tenants, string(t))
	}
	j, err := h.jobs.Start(jobs.Order{
		What: o.What, Format: export.Format(o.Format), From: o.From, To: o.To, Name: o.Name, Store: o.Store, Query: text,
	}, by)
	return j.ID, toldOf(j), exportError(err)
}

// toldOf is what is told of an export.
func toldOf(j jobs.Job) api.Export {
	return api.Export{
		ID: j.ID, By: j.Owner.Actor, What: j.Order.What, Format: string(j.Order.Format), From: j.Order.From, To: j.Order.To,
		Name: j.Order.Name, Store: j.Order.Store, State: string(j.State), Parts: j.Parts, Ready: j.Ready, Rows: j.Rows, Bytes: j.Bytes,
		Error: j.Error, Kept: j.Kept, Created: j.Created, Ended: j.Ended, Expires: j.Expires,
	}
}

// seenBy tells whose exports are seen in a scope: those of no more than its tenants; only
// the actor's own, if one is named.
func seenBy(s admin.Scope, actor string) func(jobs.Owner) bool {
	tenants := map[string]bool{}
	for _, t := range s.Tenants {
		tenants[string(t)] = true
	}
	return func(o jobs.Owner) bool {
		for _, t := range o.Tenants {
			if !s.Everyone && !tenants[t] {
				return false
			}
		}
		inScope := s.Everyone || !o.Everyone && len(o.Tenants) > 0 && (s.User == "" || s.User == o.User)
		return inScope && (actor == "" || actor == o.Actor)
	}
}

func exportError(err error) error {
	kinds := map[error]gateway.Kind{
		jobs.ErrUnknown: gateway.NotFound, jobs.ErrNotReady: gateway.Conflict, jobs.ErrTooMany: gateway.Conflict, jobs.ErrTooLong: gateway.Invalid,
	}
	for known, kind := range kinds {
		if errors.Is(err, known) {
			return &gateway.Error{Kind: kind, Public: sentence(err), Cause: err}
		}
	}
	return err
}
