package objectstoretest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/llm-hub/llm-hub/projector/objectstore"
)

// Memory is a store in memory, for tests of what stands on one.
type Memory struct {
	mu      sync.Mutex
	objects map[string][]byte
}

// NewMemory makes an empty store.
func NewMemory() *Memory { return &Memory{objects: map[string][]byte{}} }

func usable(ctx context.Context, name string) error {
	if !objectstore.ValidName(name) {
		return fmt.Errorf("object %q: not a valid name", name)
	}
	return ctx.Err()
}

// Get implements [objectstore.Reader].
func (m *Memory) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := usable(ctx, name); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.objects[name]
	if !ok {
		return nil, fmt.Errorf("object %s: %w", name, objectstore.ErrNotFound)
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// List implements [objectstore.Reader].
func (m *Memory) List(ctx context.Context, prefix string) ([]objectstore.Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []objectstore.Object
	for name, b := range m.objects {
		if strings.HasPrefix(name, prefix) {
			out = append(out, objectstore.Object{Name: name, Size: int64(len(b))})
		}
	}
	slices.SortFunc(out, func(a, b objectstore.Object) int { return strings.Compare(a.Name, b.Name) })
	return out, ctx.Err()
}

// Put implements [objectstore.Writer].
func (m *Memory) Put(ctx context.Context, name string, r io.Reader) error {
	if err := usable(ctx, name); err != nil {
		return err
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("put %s: %w", name, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.objects[name] = b
	return nil
}

// Delete implements [objectstore.Writer].
func (m *Memory) Delete(ctx context.Context, name string) error {
	if err := usable(ctx, name); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, name)
	return nil
}
