// Package tablestest holds a store of tables in memory, and the conformance suite
// that it and the real one pass.
package tablestest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// ErrStore is what a store that was told to fail fails with.
var ErrStore = errors.New("the store failed")

// Steps of an insert, after which a [MemStore] may be told to fail.
const (
	BeforeInsert = iota
	AfterUsage   // usage is written, its roll-up is not
	AfterRollUp
	AfterRequests // requests are written, their roll-up is not
	AfterRequestsRollUp
	AfterAttempts // everything is written, the answer is lost
	steps
)

// Steps is the number of steps an insert can fail at.
const Steps = int(steps)

// MemStore keeps tables in memory: each table and the roll-up recognise a token
// on their own, and an insert can be told to fail between any two of them.
type MemStore struct {
	mu        sync.Mutex
	databases map[string]*database
	failAt    []int
	failDrop  []int
	gone      bool
}

type database struct {
	rows     tables.Rows
	rolledUp tables.Rows // that the roll-ups have added up
	tokens   map[token]bool
}

// token is what the store knows a part of a batch by: that of a step in a month.
type token struct {
	batch string
	step  int
	month time.Time
}

func monthOf(windowAt time.Time) time.Time {
	year, month, _ := tables.Instant(windowAt).Date()
	return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
}

// add inserts the rows of those months that are not recognised.
func add[R any](d *database, to *[]R, rows []R, t token, at func(R) time.Time) {
	fresh := map[time.Time]bool{}
	for _, r := range rows {
		t.month = monthOf(at(r))
		if _, seen := fresh[t.month]; !seen {
			fresh[t.month] = !d.tokens[t]
			d.tokens[t] = true
		}
		if fresh[t.month] {
			*to = append(*to, r)
		}
	}
}

func usageAt(e accounting.Entry) time.Time { return e.WindowAt }
func requestAt(e accounting.End) time.Time { return e.WindowAt }
func attemptAt(a tables.Attempt) time.Time { return a.WindowAt }

// NewMemStore makes an empty store.
func NewMemStore() *MemStore { return &MemStore{databases: map[string]*database{}} }

// FailAt makes the next inserts fail at the given steps, one each.
func (m *MemStore) FailAt(steps ...int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failAt = append(m.failAt, steps...)
}

// SetGone takes the store away, or brings it back.
func (m *MemStore) SetGone(gone bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gone = gone
}

// ForgetTokens empties the window in which batches are recognised.
func (m *MemStore) ForgetTokens() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.databases {
		clear(d.tokens)
	}
}

// Change lets change alter the rows of a database behind everyone's back.
func (m *MemStore) Change(name string, change func(*tables.Rows)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.databases[name].rows)
}

// Rows returns the rows of a database in the order of the log.
func (m *MemStore) Rows(name string) tables.Rows {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.databases[name]
	if d == nil {
		return tables.Rows{}
	}
	return tables.Rows{Usage: slices.Clone(d.rows.Usage), Requests: slices.Clone(d.rows.Requests), Attempts: slices.Clone(d.rows.Attempts)}
}

// find returns a database. m.mu is held.
func (m *MemStore) find(name string) (*database, error) {
	if m.gone {
		return nil, ErrStore
	}
	if d := m.databases[name]; d != nil {
		return d, nil
	}
	return nil, fmt.Errorf("no database %s", name)
}

// Prepare implements [tables.Inserter].
func (m *MemStore) Prepare(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone {
		return ErrStore
	}
	if m.databases[name] == nil {
		m.databases[name] = &database{tokens: map[token]bool{}}
	}
	return nil
}

// Insert implements [tables.Inserter].
func (m *MemStore) Insert(_ context.Context, name string, b tables.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.find(name)
	if err != nil {
		return err
	}
	return inSteps(&m.failAt,
		func() {},
		func() { add(d, &d.rows.Usage, b.Rows.Usage, token{b.Token, AfterUsage, time.Time{}}, usageAt) },
		func() { add(d, &d.rolledUp.Usage, b.Rows.Usage, token{b.Token, AfterRollUp, time.Time{}}, usageAt) },
		func() {
			add(d, &d.rows.Requests, b.Rows.Requests, token{b.Token, AfterRequests, time.Time{}}, requestAt)
		},
		func() {
			add(d, &d.rolledUp.Requests, b.Rows.Requests, token{b.Token, AfterRequestsRollUp, time.Time{}}, requestAt)
		},
		func() {
			add(d, &d.rows.Attempts, b.Rows.Attempts, token{b.Token, AfterAttempts, time.Time{}}, attemptAt)
		},
	)
}

// inSteps does one after the other up to the first of the steps to fail at, if there is
// any, which it takes off.
func inSteps(failAt *[]int, steps ...func()) error {
	fail := -1
	if len(*failAt) > 0 {
		fail, *failAt = (*failAt)[0], (*failAt)[1:]
	}
	for step, do := range steps {
		do()
		if step == fail {
			return ErrStore
		}
	}
	return nil
}

// Count implements [tables.Census].
func (m *MemStore) Count(_ context.Context, name string, in tables.Range) (tables.Counts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.find(name)
	if err != nil {
		return tables.Counts{}, err
	}
	rows := d.rows.Kept(in.Since)
	within := func(at accounting.Position) uint64 {
		if at.Seq < in.From || at.Seq > in.To {
			return 0
		}
		return 1
	}
	var c tables.Counts
	for _, r := range rows.Usage {
		c.Usage += within(r.At)
	}
	for _, r := range rows.Requests {
		c.Requests += within(r.At)
	}
	for _, r := range rows.Attempts {
		c.Attempts += within(r.At)
	}
	return c, nil
}

// RolledUp implements [tables.Census].
func (m *MemStore) RolledUp(_ context.Context, name string, since projector.Kept) (tables.Counts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.find(name)
	if err != nil {
		return tables.Counts{}, err
	}
	rows := d.rolledUp.Kept(since)
	return rows.Counts(), nil
}

// DropBefore implements [tables.Dropper]. With the rows of a month what was recognised
// of it is forgotten. It can be told to fail before and after any table.
func (m *MemStore) DropBefore(_ context.Context, name string, k projector.Kept) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.find(name)
	if err != nil {
		return err
	}
	return inSteps(&m.failDrop,
		func() {},
		func() { d.rows.Usage = cut(d, d.rows.Usage, AfterUsage, k.Usage, usageAt) },
		func() { d.rows.Requests = cut(d, d.rows.Requests, AfterRequests, k.Requests, requestAt) },
		func() { d.rows.Attempts = cut(d, d.rows.Attempts, AfterAttempts, k.Attempts, attemptAt) },
		func() { d.rolledUp.Usage = cut(d, d.rolledUp.Usage, AfterRollUp, k.RollUps, usageAt) },
		func() { d.rolledUp.Requests = cut(d, d.rolledUp.Requests, AfterRequestsRollUp, k.RollUps, requestAt) },
	)
}

// DropSteps is the number of steps that a drop can fail at.
const DropSteps = 6

// FailDrop makes the next drops fail at the given steps, one each.
func (m *MemStore) FailDrop(steps ...int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failDrop = append(m.failDrop, steps...)
}

// cut takes away the months before a horizon.
func cut[R any](d *database, rows []R, step int, horizon time.Time, at func(R) time.Time) []R {
	maps.DeleteFunc(d.tokens, func(t token, _ bool) bool { return t.step == step && t.month.Before(horizon) })
	return slices.DeleteFunc(slices.Clone(rows), func(r R) bool { return monthOf(at(r)).Before(horizon) })
}

// Databases implements rebuild.Databases.
func (m *MemStore) Databases(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone {
		return nil, ErrStore
	}
	return slices.Sorted(maps.Keys(m.databases)), nil
}

// Drop implements rebuild.Databases.
func (m *MemStore) Drop(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone {
		return ErrStore
	}
	delete(m.databases, name)
	return nil
}
