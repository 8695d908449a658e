package backup_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events/backup"
)

// parts keeps what is read.
type parts map[string]string

type sink struct {
	parts
	now  string
	done []string
}

func (s *sink) Begin(name string, head json.RawMessage) error {
	s.now = name
	s.parts[name] = string(head)
	return nil
}

func (s *sink) Chunk(data []byte) error { s.parts[s.now] += "|" + string(data); return nil }
func (s *sink) End() error              { s.done = append(s.done, s.now); return nil }

// written is a backup of three parts.
func written(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	w := backup.NewWriter(&out, time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))
	for name, chunks := range map[string][]string{"A": {"one", "two"}} {
		write(t, w, name, chunks...)
	}
	write(t, w, "B")
	write(t, w, "C", strings.Repeat("long", 1000))
	if err := w.Close(backup.Manifest{Version: "v1", Node: "n1", Control: "3:ab", MasterKeys: []string{"k1"}}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func write(t *testing.T, w *backup.Writer, name string, chunks ...string) {
	t.Helper()
	err := w.Begin(name, json.RawMessage(`{"of":"`+name+`"}`))
	for _, c := range chunks {
		err = errors.Join(err, w.Chunk([]byte(c)))
	}
	if err = errors.Join(err, w.End()); err != nil {
		t.Fatal(err)
	}
}

func read(data io.Reader) (backup.Manifest, *sink, error) {
	s := &sink{parts: parts{}}
	m, err := backup.Read(data, s)
	return m, s, err
}

// TestRoundTrip: what was written is read, in its order.
func TestRoundTrip(t *testing.T) {
	m, s, err := read(bytes.NewReader(written(t)))
	if err != nil {
		t.Fatal(err)
	}
	want := parts{"A": `{"of":"A"}|one|two`, "B": `{"of":"B"}`, "C": `{"of":"C"}|` + strings.Repeat("long", 1000)}
	if diff := cmp.Diff(want, s.parts); diff != "" {
		t.Error(diff)
	}
	if m.Node != "n1" || m.Control != "3:ab" || len(m.Parts) != 3 || m.Parts[2].Name != "C" || m.Made.Year() != 2026 {
		t.Errorf("%+v", m)
	}
}

// TestEveryCut: a backup that is cut off anywhere is refused.
func TestEveryCut(t *testing.T) {
	data := written(t)
	end := bytes.Index(data, []byte("manifest.json"))
	for n := 0; n <= end; n += 7 {
		if _, _, err := read(bytes.NewReader(data[:n])); err == nil || !strings.HasPrefix(err.Error(), "backup: ") {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	in := bytes.Index(data, []byte("long")) + 100
	if _, _, err := read(bytes.NewReader(data[:in])); err == nil || !strings.Contains(err.Error(), "part C: it is cut off") {
		t.Errorf("cut in C: %v", err)
	}
}

// TestEveryChange: a change is found in the part that it is in, and no part after it
// counts. What tar does not read, as its padding, changes nothing.
func TestEveryChange(t *testing.T) {
	data := written(t)
	clean, _, _ := read(bytes.NewReader(data))
	for n := 0; n < len(data); n += 5 {
		changed := bytes.Clone(data)
		changed[n] ^= 1
		m, s, err := read(bytes.NewReader(changed))
		if err == nil && cmp.Equal(m.Parts, clean.Parts) {
			continue // padding, or what the manifest says of the whole
		}
		if err == nil {
			t.Fatalf("byte %d was changed: %v", n, s.parts)
		}
	}
	for text, where := range map[string]string{"one": "part A", "two": "part A", "longlong": "part C"} {
		changed := bytes.Clone(data)
		changed[bytes.Index(changed, []byte(text))] ^= 1
		if _, s, err := read(bytes.NewReader(changed)); err == nil || !strings.Contains(err.Error(), where+": was changed") {
			t.Errorf("%s: %v after %v", text, err, s.done)
		}
	}
}

// TestPartsOfAnother: parts that are whole but not of this backup are refused.
func TestPartsOfAnother(t *testing.T) {
	data := written(t)
	const block = 512
	at := func(name string) int { return bytes.Index(data, []byte(name+"/head.json")) / block * block }
	without := append(bytes.Clone(data[:at("B")]), data[at("C"):]...)
	if _, _, err := read(bytes.NewReader(without)); err == nil || !strings.Contains(err.Error(), "parts are not those of its manifest") {
		t.Errorf("without B: %v", err)
	}
}

func TestSealed(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	plain := written(t)
	var sealed bytes.Buffer
	w, err := backup.Lock{Recipients: []string{id.Recipient().String(), other.Recipient().String()}}.Seal(&sealed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed.Bytes(), []byte("long")) {
		t.Error("it can be read")
	}
	open := func(data []byte, k backup.Key) error {
		r, err := backup.Open(bytes.NewReader(data), k)
		if err != nil {
			return err
		}
		_, _, err = read(r)
		return err
	}
	key := backup.Key{Identities: "# a comment\n" + id.String() + "\n"}
	if err := open(sealed.Bytes(), key); err != nil {
		t.Error(err)
	}
	if err := open(plain, key); err != nil {
		t.Errorf("one that is not encrypted: %v", err)
	}
	if err := open(sealed.Bytes(), backup.Key{}); !errors.Is(err, backup.ErrSealed) {
		t.Errorf("without a key: %v", err)
	}
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if err := open(sealed.Bytes(), backup.Key{Identities: stranger.String()}); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("with another's key: %v", err)
	}
	if err := open(sealed.Bytes(), backup.Key{Identities: "nonsense"}); err == nil || strings.Contains(err.Error(), "nonsense") {
		t.Errorf("without a key in the file: %v", err)
	}
	for n := 0; n < sealed.Len(); n += 301 {
		changed := bytes.Clone(sealed.Bytes())
		changed[n] ^= 1
		if err := open(changed, key); err == nil {
			t.Errorf("byte %d was changed, and nobody noticed", n)
		}
		if err := open(sealed.Bytes()[:n], key); err == nil {
			t.Errorf("cut at %d, and nobody noticed", n)
		}
	}
}

func TestLock(t *testing.T) {
	for name, l := range map[string]backup.Lock{"nothing": {}, "both": {Recipients: []string{"age1x"}, Passphrase: "x"}, "no recipient": {Recipients: []string{"nonsense"}}} {
		if _, err := l.Seal(io.Discard); err == nil || strings.Contains(err.Error(), "nonsense") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzRead: whatever is read, it is refused or whole.
func FuzzRead(f *testing.F) {
	f.Add([]byte("x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, s, err := read(bytes.NewReader(data)); err == nil && len(s.done) != len(s.parts) {
			t.Errorf("%v of %v", s.done, s.parts)
		}
	})
}
