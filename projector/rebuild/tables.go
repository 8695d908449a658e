package rebuild

import (
	"context"
	"errors"
	"fmt"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// TablesReport says what a rebuild of the tables did.
type TablesReport struct {
	Seq      uint64        `json:"seq"` // the new tables hold everything up to here
	Database string        `json:"database"`
	Before   string        `json:"before,omitempty"` // database that was live before, now dropped
	Rows     tables.Counts `json:"rows"`
	// Kept says from when on each of the new tables has its rows.
	Kept projector.Kept `json:"kept,omitzero"`
}

// Tables fills a new generation of tables beside the live one, makes it the live
// one by one write when it has come to the end of the log, and drops the old one. If it is
// interrupted, the live one stays; the next rebuild begins again. progress may be nil.
func Tables(ctx context.Context, cfg Config, progress func(Progress)) (TablesReport, error) {
	report, err := rebuildTables(ctx, cfg, progress)
	if err != nil {
		return TablesReport{}, fmt.Errorf("rebuild tables: %w", err)
	}
	return report, nil
}

func rebuildTables(ctx context.Context, cfg Config, progress func(Progress)) (TablesReport, error) {
	info, err := cfg.begin(ctx)
	if err != nil {
		return TablesReport{}, err
	}
	if cfg.Store == nil || !events.ValidID(cfg.Database) {
		return TablesReport{}, errors.New("no Store and Database given")
	}
	next, err := beginGeneration(ctx, cfg, info)
	if err != nil {
		return TablesReport{}, err
	}
	if err := fill(ctx, cfg, info, progress); err != nil { // nearly all of it, while the live ones go on
		return TablesReport{}, err
	}
	resume, err := pause(ctx, cfg.PauseTables)
	if err != nil {
		return TablesReport{}, err
	}
	defer resume()
	for {
		if info, err = cfg.begin(ctx); err != nil {
			return TablesReport{}, err
		}
		if err := fill(ctx, cfg, info, progress); err != nil {
			return TablesReport{}, err
		}
		report, err := swap(ctx, cfg, next.Database)
		if err == nil {
			return report, dropOthers(ctx, cfg, report.Database)
		}
		if !errors.Is(err, events.ErrConflict) {
			return TablesReport{}, err
		}
	}
}

// fill brings the new tables to the end of the log.
func fill(ctx context.Context, cfg Config, info events.Info, progress func(Progress)) error {
	to := tables.Config{Log: cfg.Log, Bucket: cfg.Bucket, Store: cfg.Store, Database: cfg.Database, Logger: cfg.Logger, Keep: cfg.Keep}
	return tables.Fill(ctx, to, info.Last, func(p projector.Progress) {
		if progress != nil {
			progress(Progress{"tables", p.Seq, info.Last})
		}
	})
}

// beginGeneration drops what an interrupted rebuild left and writes the first
// checkpoint of the next generation.
func beginGeneration(ctx context.Context, cfg Config, info events.Info) (tables.Checkpoint, error) {
	live, _, err := tables.Load(ctx, cfg.Bucket, events.TablesKey)
	if err != nil {
		return live, err
	}
	left, rev, err := tables.Load(ctx, cfg.Bucket, tables.NextKey)
	if err != nil {
		return live, err
	}
	names, err := cfg.Store.Databases(ctx)
	if err != nil {
		return live, err
	}
	newest := max(live.Generation, left.Generation)
	for _, name := range names {
		newest = max(newest, tables.GenerationOf(cfg.Database, name))
	}
	created, err := cfg.Bucket.Created(ctx)
	if err != nil {
		return live, err
	}
	kept, err := tables.KeptAt(ctx, cfg.Log, cfg.Keep)
	if err != nil {
		return live, err
	}
	next := tables.Checkpoint{
		Generation: newest + 1, Database: tables.DatabaseOf(cfg.Database, newest+1), Bucket: created,
		Done: projector.Anchor{Created: info.Created}, Kept: kept,
	}
	if _, err := cfg.Bucket.Commit(ctx, []events.Put{next.Put(tables.NextKey, rev)}); err != nil {
		return live, fmt.Errorf("begin generation %d: %w", next.Generation, err)
	}
	if left.Generation == 0 || left.Database == live.Database {
		return next, nil
	}
	return next, cfg.Store.Drop(ctx, left.Database)
}

// swap makes the new tables the live ones, whose writer goes on with them.
func swap(ctx context.Context, cfg Config, database string) (TablesReport, error) {
	live, next, err := tables.Swap(ctx, cfg.Bucket, database)
	if err != nil {
		return TablesReport{}, fmt.Errorf("swap: %w", err)
	}
	return TablesReport{Seq: next.Done.Seq, Database: next.Database, Before: live.Database, Rows: next.Rows, Kept: next.Kept}, nil
}

// dropOthers drops every generation but the live one.
func dropOthers(ctx context.Context, cfg Config, live string) error {
	names, err := cfg.Store.Databases(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == live || tables.GenerationOf(cfg.Database, name) == 0 {
			continue
		}
		if err := cfg.Store.Drop(ctx, name); err != nil {
			return fmt.Errorf("drop %s: %w", name, err)
		}
	}
	return nil
}
