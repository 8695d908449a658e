// Package objectstoretest is what every store of objects must pass, and a storage
// that speaks S3 for tests.
package objectstoretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/projector/objectstore"
)

// Run runs every case, each on an empty store that open makes.
func Run(t *testing.T, open func(t *testing.T) objectstore.Store) {
	for name, run := range map[string]func(t *testing.T, s objectstore.Store){
		"put and get":        putGet,
		"replace":            replace,
		"absent":             absent,
		"delete":             remove,
		"list":               list,
		"list many":          listMany,
		"broken source":      brokenSource,
		"cancelled":          cancelled,
		"many parts":         manyParts,
		"bad names":          badNames,
		"rivals of one name": rivals,
	} {
		t.Run(name, func(t *testing.T) { run(t, open(t)) })
	}
}

// unsized hides that a reader knows its length.
type unsized struct{ io.Reader }

func put(t *testing.T, s objectstore.Store, name, content string) {
	t.Helper()
	if err := s.Put(t.Context(), name, strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s objectstore.Store, name string) string {
	t.Helper()
	r, err := s.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func putGet(t *testing.T, s objectstore.Store) {
	for name, content := range map[string]string{
		"a": "one", "empty": "", "folder/b.json": "two\n", "folder/deep/c": "\x00\xff three", strings.Repeat("n", 200): "long",
	} {
		put(t, s, name, content)
		if got := get(t, s, name); got != content {
			t.Errorf("%s: %q, want %q", name, got, content)
		}
		if err := s.Put(t.Context(), name, unsized{strings.NewReader(content + "!")}); err != nil {
			t.Fatal(err)
		}
		if got := get(t, s, name); got != content+"!" {
			t.Errorf("%s, its length unknown: %q, want %q", name, got, content+"!")
		}
	}
}

func replace(t *testing.T, s objectstore.Store) {
	put(t, s, "x", "a long text")
	old, err := s.Get(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	put(t, s, "x", "short")
	if got := get(t, s, "x"); got != "short" {
		t.Errorf("%q", got)
	}
	if got, err := io.ReadAll(old); err != nil || string(got) != "a long text" {
		t.Errorf("what was open before gives %q, %v", got, err)
	}
}

func absent(t *testing.T, s objectstore.Store) {
	put(t, s, "folder/x", "x")
	for _, name := range []string{"y", "folder/y", "folder2/x"} {
		if _, err := s.Get(t.Context(), name); !errors.Is(err, objectstore.ErrNotFound) {
			t.Errorf("get %s: %v", name, err)
		}
	}
}

func remove(t *testing.T, s objectstore.Store) {
	put(t, s, "folder/x", "x")
	put(t, s, "folder/y", "y")
	for range 2 {
		if err := s.Delete(t.Context(), "folder/x"); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Get(t.Context(), "folder/x"); !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("get what was deleted: %v", err)
	}
	if got := get(t, s, "folder/y"); got != "y" {
		t.Errorf("%q", got)
	}
}

func list(t *testing.T, s objectstore.Store) {
	if got, err := s.List(t.Context(), ""); err != nil || len(got) != 0 {
		t.Fatalf("an empty store lists %v, %v", got, err)
	}
	for _, name := range []string{"b/2", "a", "b/10", "b-1", "b/sub/3", "c"} {
		put(t, s, name, name)
	}
	for prefix, want := range map[string][]objectstore.Object{
		"":      {{Name: "a", Size: 1}, {Name: "b-1", Size: 3}, {Name: "b/10", Size: 4}, {Name: "b/2", Size: 3}, {Name: "b/sub/3", Size: 7}, {Name: "c", Size: 1}},
		"b/":    {{Name: "b/10", Size: 4}, {Name: "b/2", Size: 3}, {Name: "b/sub/3", Size: 7}},
		"b/1":   {{Name: "b/10", Size: 4}},
		"other": nil,
	} {
		got, err := s.List(t.Context(), prefix)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("list %q: %v %s", prefix, err, diff)
		}
	}
}

// listMany: more than one page of [S3].
func listMany(t *testing.T, s objectstore.Store) {
	const n = 25
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := w; i < n; i += 4 {
				if err := s.Put(t.Context(), fmt.Sprintf("many/%05d", i), strings.NewReader("x")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got, err := s.List(t.Context(), "many/")
	if err != nil || len(got) != n {
		t.Fatalf("%d objects, %v", len(got), err)
	}
	for i, o := range got {
		if want := fmt.Sprintf("many/%05d", i); o.Name != want {
			t.Fatalf("object %d is %s, want %s", i, o.Name, want)
		}
	}
}

// breaking gives n bytes, then an error.
type breaking struct{ n int }

var errBroken = errors.New("the source broke")

func (b *breaking) Read(p []byte) (int, error) {
	if b.n == 0 {
		return 0, errBroken
	}
	n := min(len(p), b.n)
	b.n -= n
	return n, nil
}

// knownLength says how much there should be.
type knownLength struct {
	*breaking
	length int
}

func (k knownLength) Len() int { return k.length }

func brokenSource(t *testing.T, s objectstore.Store) {
	put(t, s, "x", "before")
	for what, r := range map[string]io.Reader{
		"at once": &breaking{}, "later": &breaking{n: 100_000}, "length known": knownLength{&breaking{n: 100_000}, 200_000},
	} {
		for _, name := range []string{"x", "new"} {
			if err := s.Put(t.Context(), name, r); err == nil {
				t.Errorf("%s: put %s of a broken source: no error", what, name)
			}
		}
	}
	if got := get(t, s, "x"); got != "before" {
		t.Errorf("%q", got)
	}
	if got, err := s.List(t.Context(), ""); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
}

func cancelled(t *testing.T, s objectstore.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Put(ctx, "x", strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v", err)
	}
	if _, err := s.Get(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("get: %v", err)
	}
	put(t, s, "y", "y")
	if _, err := s.List(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("list: %v", err)
	}
	if err := s.Delete(ctx, "y"); !errors.Is(err, context.Canceled) {
		t.Errorf("delete: %v", err)
	}
}

// manyParts: more than S3 takes at once.
func manyParts(t *testing.T, s objectstore.Store) {
	want := bytes.Repeat([]byte("0123456789abcdef"), 9<<16) // 9 MiB
	if err := s.Put(t.Context(), "large", unsized{bytes.NewReader(want)}); err != nil {
		t.Fatal(err)
	}
	r, err := s.Get(t.Context(), "large")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d, %v", len(got), len(want), err)
	}
}

func badNames(t *testing.T, s objectstore.Store) {
	for _, name := range []string{"", "/a", "a/", "a//b", "..", "../a", "a/../b", ".hidden", "a/.hidden", "a b", "a\nb", "ä", strings.Repeat("n", 300)} {
		if err := s.Put(t.Context(), name, strings.NewReader("x")); err == nil {
			t.Errorf("put %q: no error", name)
		}
		if _, err := s.Get(t.Context(), name); err == nil || errors.Is(err, objectstore.ErrNotFound) {
			t.Errorf("get %q: %v", name, err)
		}
		if err := s.Delete(t.Context(), name); err == nil {
			t.Errorf("delete %q: no error", name)
		}
	}
}

// rivals: of many that put one object at once, one whole is there.
func rivals(t *testing.T, s objectstore.Store) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			content := bytes.Repeat([]byte{byte('a' + i)}, 50_000+i)
			for range 3 {
				if err := s.Put(t.Context(), "x", bytes.NewReader(content)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got := get(t, s, "x")
	if got == "" || got != strings.Repeat(got[:1], 50_000+int(got[0]-'a')) {
		t.Errorf("%d bytes that are nobody's", len(got))
	}
}
