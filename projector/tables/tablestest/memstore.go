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

	"github.com/llm-hub/llm-hub/accounting"
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
	gone      bool
}

type database struct {
	rows     tables.Rows
	rolledUp tables.Counts
	tokens   map[string]bool
}

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
		m.databases[name] = &database{tokens: map[string]bool{}}
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
	fail := -1
	if len(m.failAt) > 0 {
		fail, m.failAt = m.failAt[0], m.failAt[1:]
	}
	insert := []func(){
		func() {},
		func() { d.rows.Usage = append(d.rows.Usage, b.Rows.Usage...) },
		func() { d.rolledUp.Usage += uint64(len(b.Rows.Usage)) },
		func() { d.rows.Requests = append(d.rows.Requests, b.Rows.Requests...) },
		func() { d.rolledUp.Requests += uint64(len(b.Rows.Requests)) },
		func() { d.rows.Attempts = append(d.rows.Attempts, b.Rows.Attempts...) },
	}
	for step, do := range insert {
		if token := fmt.Sprintf("%s:%d", b.Token, step); !d.tokens[token] {
			d.tokens[token] = true
			do()
		}
		if step == fail {
			return ErrStore
		}
	}
	return nil
}

// Count implements [tables.Census].
func (m *MemStore) Count(_ context.Context, name string, from, to uint64) (tables.Counts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.find(name)
	if err != nil {
		return tables.Counts{}, err
	}
	within := func(at accounting.Position) uint64 {
		if at.Seq < from || at.Seq > to {
			return 0
		}
		return 1
	}
	var c tables.Counts
	for _, r := range d.rows.Usage {
		c.Usage += within(r.At)
	}
	for _, r := range d.rows.Requests {
		c.Requests += within(r.At)
	}
	for _, r := range d.rows.Attempts {
		c.Attempts += within(r.At)
	}
	return c, nil
}

// RolledUp implements [tables.Census].
func (m *MemStore) RolledUp(_ context.Context, name string) (tables.Counts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.find(name)
	if err != nil {
		return tables.Counts{}, err
	}
	return d.rolledUp, nil
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
