package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"reflect"
	"strings"
)

// Sink takes the parts of a backup that is read.
type Sink interface {
	// Begin begins a part, Chunk adds to it.
	Begin(name string, head json.RawMessage) error
	Chunk(data []byte) error
	// End ends it: all of it was as it was written.
	End() error
}

// maxEntry bounds one entry of the tar, in bytes.
const maxEntry = 16 << 20

// Read reads a backup into sink and returns its manifest. Its error names the part
// that is cut off or was changed; what was given to sink must be thrown away then.
func Read(r io.Reader, sink Sink) (Manifest, error) {
	d := reader{tar: tar.NewReader(r), sink: sink}
	for {
		m, err := d.next()
		if err != nil {
			return Manifest{}, fmt.Errorf("backup: %s: %w", d.where(), err)
		}
		if m != nil {
			return *m, nil
		}
	}
}

type reader struct {
	tar   *tar.Reader
	sink  Sink
	parts []Part
	sum   hash.Hash
	n     int
}

// where is what is read at present.
func (d *reader) where() string {
	switch {
	case d.sum != nil:
		return "part " + d.parts[len(d.parts)-1].Name
	case len(d.parts) > 0:
		return "after part " + d.parts[len(d.parts)-1].Name
	default:
		return "its start"
	}
}

// next reads an entry; the manifest is the last.
func (d *reader) next() (*Manifest, error) {
	h, err := d.tar.Next()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errors.New("it is cut off")
	}
	if err != nil {
		return nil, fmt.Errorf("was changed, or is no backup: %w", err)
	}
	if h.Size > maxEntry {
		return nil, errors.New("was changed: an entry is too large")
	}
	data, err := io.ReadAll(d.tar)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errors.New("it is cut off")
	}
	if err != nil {
		return nil, fmt.Errorf("was changed: %w", err)
	}
	if h.Name == manifestFile {
		return d.manifest(data)
	}
	name, file, _ := strings.Cut(h.Name, "/")
	return nil, d.entry(name, file, data)
}

func (d *reader) entry(name, file string, data []byte) error {
	if file == headFile && d.sum == nil {
		d.parts = append(d.parts, Part{Name: name})
		d.sum, d.n = sha256.New(), 0
		d.add(data)
		return d.sink.Begin(name, data)
	}
	if d.sum == nil || d.parts[len(d.parts)-1].Name != name {
		return fmt.Errorf("was changed: %q is not where it belongs", name+"/"+file)
	}
	if file == endFile {
		return d.end(data)
	}
	if d.n++; file != fmt.Sprintf("%08d", d.n) {
		return fmt.Errorf("was changed: %q comes instead of chunk %d", file, d.n)
	}
	d.add(data)
	return d.sink.Chunk(data)
}

func (d *reader) add(data []byte) {
	d.sum.Write(data) // never fails
	d.parts[len(d.parts)-1].Bytes += int64(len(data))
}

func (d *reader) end(data []byte) error {
	p := &d.parts[len(d.parts)-1]
	p.SHA256 = hex.EncodeToString(d.sum.Sum(nil))
	var want Part
	if err := json.Unmarshal(data, &want); err != nil || want != *p {
		return errors.New("was changed: it is not what was written")
	}
	d.sum = nil
	return d.sink.End()
}

func (d *reader) manifest(data []byte) (*Manifest, error) {
	var m Manifest
	dec := json.NewDecoder(bytes.NewReader(data))
	switch err := dec.Decode(&m); {
	case d.sum != nil:
		return nil, errors.New("was changed: it has no end")
	case err != nil:
		return nil, errors.New("its manifest was changed")
	case m.Format != format:
		return nil, fmt.Errorf("it is of format %d, this version reads %d", m.Format, format)
	case !reflect.DeepEqual(m.Parts, d.parts):
		return nil, errors.New("parts are not those of its manifest")
	}
	return &m, nil
}
