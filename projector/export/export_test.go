package export_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/llm-hub/llm-hub/projector/export"
)

func columns() []export.Column {
	return []export.Column{
		{Name: "name"}, {Name: "at", Kind: export.Moment}, {Name: "n", Kind: export.Integer},
		{Name: "cost", Kind: export.Integer, Optional: true}, {Name: "all", Kind: export.Boolean},
	}
}

func rows() [][]any {
	at := time.Date(2026, 11, 1, 8, 30, 0, 7, time.FixedZone("", 3600))
	return [][]any{
		{`=1+1, "quoted"`, at, int64(1 << 62), int64(-5), true},
		{"two\nlines", at.Add(time.Hour), int64(0), nil, false},
	}
}

func write(t *testing.T, f export.Format, rows [][]any) *bytes.Buffer {
	t.Helper()
	var file bytes.Buffer
	w, err := export.NewWriter(&file, f, columns())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if err := w.Row(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &file
}

func TestText(t *testing.T) {
	for f, want := range map[export.Format]string{
		export.CSV: "name,at,n,cost,all\n" +
			`"'=1+1, ""quoted""",2026-11-01T08:30:00.000000007+01:00,4611686018427387904,-5,true` + "\n" +
			"\"two\nlines\",2026-11-01T09:30:00.000000007+01:00,0,,false\n",
		export.JSONL: `{"name":"=1+1, \"quoted\"","at":"2026-11-01T08:30:00.000000007+01:00","n":4611686018427387904,"cost":-5,"all":true}` + "\n" +
			`{"name":"two\nlines","at":"2026-11-01T09:30:00.000000007+01:00","n":0,"cost":null,"all":false}` + "\n",
	} {
		if diff := cmp.Diff(want, write(t, f, rows()).String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f, diff)
		}
	}
	if diff := cmp.Diff("name,at,n,cost,all\n", write(t, export.CSV, nil).String()); diff != "" {
		t.Errorf("no rows (-want +got):\n%s", diff)
	}
	if _, err := export.NewWriter(&bytes.Buffer{}, "xml", columns()); err == nil || !strings.Contains(err.Error(), "xml") {
		t.Errorf("xml: %v", err)
	}
}

// TestParquet reads back what was written, over several row groups.
func TestParquet(t *testing.T) {
	type line struct {
		Name string    `parquet:"name"`
		At   time.Time `parquet:"at,timestamp(nanosecond)"`
		N    int64     `parquet:"n"`
		Cost *int64    `parquet:"cost,optional"`
		All  bool      `parquet:"all"`
	}
	const times = 12_000
	var many [][]any
	for range times {
		many = append(many, rows()...)
	}
	file := write(t, export.Parquet, many)
	got, err := parquet.Read[line](bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil || len(got) != 2*times {
		t.Fatalf("%d rows, %v", len(got), err)
	}
	cost := int64(-5)
	for i := range times {
		for j, want := range []line{
			{rows()[0][0].(string), rows()[0][1].(time.Time).UTC(), 1 << 62, &cost, true},
			{"two\nlines", rows()[1][1].(time.Time).UTC(), 0, nil, false},
		} {
			if diff := cmp.Diff(want, got[2*i+j]); diff != "" {
				t.Fatalf("row %d (-want +got):\n%s", 2*i+j, diff)
			}
		}
	}
	if empty := write(t, export.Parquet, nil); !bytes.HasSuffix(empty.Bytes(), []byte("PAR1")) {
		t.Error("a file without rows is no file")
	}
	w, _ := export.NewWriter(&bytes.Buffer{}, export.Parquet, columns())
	if err := w.Row([]any{nil, time.Time{}, int64(0), nil, false}); err == nil {
		t.Error("a name that is missing was written")
	}
}

// TestJoin: the file of all parts is the one that is written at once.
func TestJoin(t *testing.T) {
	for _, f := range []export.Format{export.CSV, export.JSONL, export.Parquet} {
		dir := t.TempDir()
		var paths []string
		var all [][]any
		for i, part := range [][][]any{rows(), nil, rows()[1:]} {
			path := filepath.Join(dir, fmt.Sprint(i))
			if err := os.WriteFile(path, write(t, f, part).Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			paths, all = append(paths, path), append(all, part...)
		}
		var got bytes.Buffer
		if err := export.Join(f, paths, &got); err != nil {
			t.Fatal(f, err)
		}
		want := write(t, f, all)
		if f != export.Parquet {
			if diff := cmp.Diff(want.String(), got.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", f, diff)
			}
			continue
		}
		lines := func(b []byte) []any {
			out, err := parquet.Read[any](bytes.NewReader(b), int64(len(b)))
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		if diff := cmp.Diff(lines(want.Bytes()), lines(got.Bytes())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f, diff)
		}
		if err := export.Join(f, nil, &got); err == nil {
			t.Error("no part is no file")
		}
		if err := export.Join(f, []string{filepath.Join(dir, "none")}, &got); err == nil {
			t.Error("a part that is not there was joined")
		}
	}
}

// TestFormulas: what a spreadsheet would take for a formula reaches it as text, whatever
// it begins with.
func TestFormulas(t *testing.T) {
	const formula = `cmd|' /C calc'!A0`
	for _, c := range []struct {
		begins string
		marked bool
	}{{"=", true}, {"+", true}, {"-", true}, {"@", true}, {"\t=", true}, {"\r=", true}, {"\n=", true}, {"'=", false}, {"a=", false}, {" =", false}, {"", false}} {
		file := write(t, export.CSV, [][]any{{c.begins + formula, time.Unix(0, 0), int64(-1), nil, true}})
		lines, err := csv.NewReader(file).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		want := c.begins + formula
		if c.marked {
			want = "'" + want
		}
		if got := lines[1][0]; got != want || lines[1][2] != "-1" {
			t.Errorf("%q became %q, want %q; the number %q", c.begins+formula, got, want, lines[1][2])
		}
	}
}
