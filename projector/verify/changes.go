package verify

import (
	"context"
	"fmt"

	"github.com/llm-hub/llm-hub/projector/tables"
)

// changesSQL gives the highest sequence of the table of changes, how many rows there
// are up to it, and a digest that ties what each says to its place.
const changesSQL = `SELECT max(seq), count(), sum((seq * 1000003 + idx + 1) *
	toUInt64(1 + 3 * length(object) + 5 * length(actor) + 7 * length(cause) + 11 * length(before) + 13 * length(after)))
	FROM {db:Identifier}.changes FINAL`

// changesPage is how many messages of the control stream are read at once.
const changesPage = 256

// compareChanges compares the table of changes with the control stream, up to where the
// table is.
func (r *run) compareChanges(ctx context.Context) error {
	if r.cfg.Control == nil || r.report.Tables == nil {
		return nil
	}
	var last, got, gotDigest uint64
	err := r.cfg.Tables.Query(ctx, changesSQL, map[string]any{"db": r.report.Tables.Database}, func(scan func(...any) error) error {
		return scan(&last, &got, &gotDigest)
	})
	if err != nil {
		return err
	}
	var want, digest uint64
	for from := uint64(1); from <= last; {
		page, err := r.cfg.Control.Commands(ctx, from, changesPage)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		list, err := tables.ChangesOf(page)
		if err != nil {
			return err
		}
		for _, c := range list {
			if c.Seq > last {
				break
			}
			want++
			b := c.Body
			digest += (c.Seq*placeFactor + uint64(c.Index) + 1) *
				uint64(1+3*len(b.Object)+5*len(b.Actor)+7*len(b.Cause)+11*len(b.Before)+13*len(b.After))
		}
		from = page[len(page)-1].Seq + 1
	}
	if want != got || digest != gotDigest {
		r.differ(fmt.Sprintf("table changes up to control message %d", last),
			fmt.Sprintf("%d rows, digest %x", want, digest), fmt.Sprintf("%d rows, digest %x", got, gotDigest))
	}
	r.report.Tables.Changes = got
	return nil
}
