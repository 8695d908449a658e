package tables_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// changeStore keeps changes in memory, by database and place.
type changeStore struct {
	kept map[string]map[string]tables.Change
	away bool
}

func (s *changeStore) InsertChanges(_ context.Context, database string, list []tables.Change) error {
	if s.away {
		return errors.New("away")
	}
	for _, c := range list {
		if s.kept[database] == nil {
			s.kept[database] = map[string]tables.Change{}
		}
		s.kept[database][fmt.Sprint(c.Seq, ".", c.Index)] = c
	}
	return nil
}

func (s *changeStore) LastChange(_ context.Context, database string) (last uint64, err error) {
	for _, c := range s.kept[database] {
		last = max(last, c.Seq)
	}
	return last, nil
}

// TestChangesFollowTheLiveTables: before there are tables nothing is kept, what could
// not be kept is kept later, and the tables of a rebuild get everything.
func TestChangesFollowTheLiveTables(t *testing.T) {
	log, store := memlog.New(), &changeStore{kept: map[string]map[string]tables.Change{}}
	fold, err := tables.NewChanges(tables.ChangesConfig{Log: log, Bucket: log, Store: store, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	said := 1 // hub.created
	say := func(n int) {
		for range n {
			e, err := events.New(events.Head{At: time.Now(), Node: "n1", Tenant: "acme", Request: events.RequestID(fmt.Sprint("r", said)), N: 1},
				events.Change{Sort: events.KeySort, Object: "ci", Actor: "operator", Before: []byte(`{}`), After: []byte(`{}`)})
			if err != nil {
				t.Fatal(err)
			}
			c, err := events.NewCommand(e)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := log.AppendControl(t.Context(), uint64(said), c); err != nil {
				t.Fatal(err)
			}
			said++
		}
	}
	live := func(generation int, database string, rev uint64) uint64 {
		rev, err := log.Commit(t.Context(), []events.Put{tables.Checkpoint{Generation: generation, Database: database}.Put(events.TablesKey, rev)})
		if err != nil {
			t.Fatal(err)
		}
		return rev
	}
	catchUp := func(database string, want int) {
		t.Helper()
		if err := fold.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(store.kept[database]); got != want {
			t.Errorf("%s holds %d changes, want %d", database, got, want)
		}
	}
	say(3)
	catchUp("a", 0)
	rev := live(1, "a", 0)
	catchUp("a", 3)
	store.away = true
	say(300) // more than a page
	if err := fold.CatchUp(t.Context()); err == nil {
		t.Error("a store that is away is no error")
	}
	store.away = false
	catchUp("a", 303)
	live(2, "b", rev)
	catchUp("b", 303)
	if s := fold.Status(); s.Database != "b" || s.Seq != uint64(said) {
		t.Errorf("status %+v", s)
	}
}
