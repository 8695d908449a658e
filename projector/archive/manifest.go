package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/objectstore"
)

// Manifest lists the segments of one stream, from its first on.
type Manifest struct {
	Format   string    `json:"format"`
	Version  int       `json:"version"`
	Stream   string    `json:"stream"`
	Created  time.Time `json:"created"` // of the stream
	Segments []Segment `json:"segments"`
}

const (
	manifestFormat = "llm-hub archive manifest"
	// manifestsKept is how many manifests are left beside the one in force: a reader
	// that has just seen the name of one should find it.
	manifestsKept = 3
	// hashInName is how much of a hash is in a name.
	hashInName = 16
)

func newManifest(created time.Time) *Manifest {
	return &Manifest{Format: manifestFormat, Version: version, Stream: events.TrafficStream, Created: created.UTC()}
}

// folder is where everything of a stream is.
func folder(created time.Time) string { return "traffic-" + strconv.FormatInt(created.UnixNano(), 10) }

func manifests(created time.Time) string { return folder(created) + "/manifests/" }

func segments(created time.Time) string { return folder(created) + "/segments/" }

func segmentName(created time.Time, s Segment) string {
	return fmt.Sprintf("%s%020d-%020d-%s.zst", segments(created), s.First, s.Last, s.Hash[:hashInName])
}

// name sorts by how far the manifest reaches.
func (m *Manifest) name() string {
	return fmt.Sprintf("%s%020d-%s.json", manifests(m.Created), m.Last(), m.head()[:hashInName])
}

// Last is the last sequence archived, 0 if there is none.
func (m *Manifest) Last() uint64 {
	if len(m.Segments) == 0 {
		return 0
	}
	return m.Segments[len(m.Segments)-1].Last
}

// head is the hash of the last segment.
func (m *Manifest) head() string {
	if len(m.Segments) == 0 {
		return ""
	}
	return m.Segments[len(m.Segments)-1].Hash
}

// with is m and one more segment; m stays what it is.
func (m *Manifest) with(s Segment) *Manifest {
	next := *m
	next.Segments = append(m.Segments[:len(m.Segments):len(m.Segments)], s)
	return &next
}

// find gives the index of the segment that holds seq, len(m.Segments) if none does.
func (m *Manifest) find(seq uint64) int {
	return sort.Search(len(m.Segments), func(i int) bool { return m.Segments[i].Last >= seq })
}

// check holds that the segments follow each other from sequence 1 on.
func (m *Manifest) check(created time.Time) error {
	switch {
	case m.Format != manifestFormat:
		return errors.New("it is no manifest")
	case m.Version > version:
		return fmt.Errorf("its format is version %d, this software knows %d", m.Version, version)
	case !m.Created.Equal(created) || m.Stream != events.TrafficStream:
		return fmt.Errorf("it is of stream %s of %s", m.Stream, m.Created)
	}
	next, previous := uint64(1), ""
	for _, s := range m.Segments {
		switch {
		case s.First != next || s.Last < s.First:
			return fmt.Errorf("%s does not begin at sequence %d", s, next)
		case s.Previous != previous:
			return fmt.Errorf("%s does not follow the one before it", s)
		case len(s.Hash) != 64 || s.Name != segmentName(created, s):
			return fmt.Errorf("%s is not called as it must be", s)
		}
		next, previous = s.Last+1, s.Hash
	}
	return nil
}

// loadTries is how often a manifest is looked for that goes away before it is read,
// because an archiver has made newer ones.
const loadTries = 3

// load reads the manifest in force of a stream; of one that was never archived it is
// without segments.
func load(ctx context.Context, store objectstore.Reader, created time.Time) (*Manifest, error) {
	for try := 1; ; try++ {
		list, err := store.List(ctx, manifests(created))
		if err != nil {
			return nil, fmt.Errorf("manifests: %w", err)
		}
		if len(list) == 0 {
			return newManifest(created), nil
		}
		name := list[len(list)-1].Name
		m, err := read(ctx, store, name, created)
		if err == nil || !errors.Is(err, objectstore.ErrNotFound) || try == loadTries {
			return m, err
		}
	}
}

func read(ctx context.Context, store objectstore.Reader, name string, created time.Time) (*Manifest, error) {
	body, err := fetch(ctx, store, name)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	var m Manifest
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, fmt.Errorf("manifest %s: changed or cut short: %w", name, err)
	}
	if err := m.check(created); err != nil {
		return nil, fmt.Errorf("manifest %s: changed: %w", name, err)
	}
	if len(m.Segments) == 0 || m.name() != name {
		return nil, fmt.Errorf("manifest %s: changed: it reaches to sequence %d, segment %s", name, m.Last(), m.head())
	}
	return &m, nil
}

// save writes m, reads it back, and removes those that it makes superfluous.
func save(ctx context.Context, store objectstore.Store, m *Manifest) error {
	body, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	if err := store.Put(ctx, m.name(), bytes.NewReader(body)); err != nil {
		return err
	}
	back, readErr := fetch(ctx, store, m.name())
	list, err := store.List(ctx, manifests(m.Created))
	if err != nil {
		return err
	}
	overtaken := len(list) > 0 && list[len(list)-1].Name > m.name() // by an archiver that removed it
	switch {
	case errors.Is(readErr, objectstore.ErrNotFound) && overtaken:
		return nil
	case readErr != nil || !bytes.Equal(back, body):
		return errors.Join(fmt.Errorf("manifest %s cannot be read back", m.name()), readErr)
	}
	for i, o := range list {
		if i+manifestsKept < len(list) && o.Name < m.name() {
			if err := store.Delete(ctx, o.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// fetch reads a whole object.
func fetch(ctx context.Context, store objectstore.Reader, name string) ([]byte, error) {
	body, err := store.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("object %s: %w", name, err)
	}
	return b, nil
}
