package backup

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

// format is the version of the file.
const format = 1

// Manifest says what a backup is of.
type Manifest struct {
	Format  int       `json:"format"`
	Version string    `json:"version"` // of the software that made it
	Made    time.Time `json:"made"`
	Node    string    `json:"node"`

	MasterKeys []string `json:"master_keys"` // ids of those that what is sealed in it needs
	Control    string   `json:"control"`     // SEQ:HASH of the last message of the control stream
	Parts      []Part   `json:"parts"`       // in their order
}

// Part is one of them.
type Part struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // of its head and chunks
}

const (
	headFile     = "head.json"
	endFile      = "end.json"
	manifestFile = "manifest.json"
)

// Writer writes a backup.
type Writer struct {
	tar   *tar.Writer
	made  time.Time
	parts []Part
	sum   hash.Hash // of the part that is being written; nil: none is
	n     int       // chunks of it
}

// NewWriter writes to w.
func NewWriter(w io.Writer, made time.Time) *Writer {
	return &Writer{tar: tar.NewWriter(w), made: made.UTC()}
}

// Begin begins a part.
func (w *Writer) Begin(name string, head json.RawMessage) error {
	if w.sum != nil {
		return errors.New("backup: the part before has no end")
	}
	w.parts = append(w.parts, Part{Name: name})
	w.sum, w.n = sha256.New(), 0
	return w.entry(headFile, head)
}

// Chunk adds to it.
func (w *Writer) Chunk(data []byte) error {
	w.n++
	return w.entry(fmt.Sprintf("%08d", w.n), data)
}

func (w *Writer) entry(file string, data []byte) error {
	p := &w.parts[len(w.parts)-1]
	p.Bytes += int64(len(data))
	w.sum.Write(data) // never fails
	return w.file(p.Name+"/"+file, data)
}

// End ends it.
func (w *Writer) End() error {
	p := &w.parts[len(w.parts)-1]
	p.SHA256 = hex.EncodeToString(w.sum.Sum(nil))
	w.sum = nil
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return w.file(p.Name+"/"+endFile, data)
}

// Close writes the manifest. Without it a backup is none.
func (w *Writer) Close(m Manifest) error {
	m.Format, m.Made, m.Parts = format, w.made, w.parts
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := w.file(manifestFile, data); err != nil {
		return err
	}
	return w.tar.Close()
}

func (w *Writer) file(name string, data []byte) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(data)), Mode: 0o600, ModTime: w.made}
	if err := w.tar.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.tar.Write(data)
	return err
}
