package sqltext_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/sqltext"
)

func TestParse(t *testing.T) {
	tests := map[string]struct {
		text string
		want sqltext.Statement
	}{
		"select":            {"SELECT 1", sqltext.Statement{Keyword: "SELECT", SQL: "SELECT 1"}},
		"separator at end":  {"SELECT 1 ; -- done\n ;", sqltext.Statement{Keyword: "SELECT", SQL: "SELECT 1 "}},
		"comment first":     {"/* a;b */ -- c\n select 1", sqltext.Statement{Keyword: "SELECT", SQL: "/* a;b */ -- c\n select 1"}},
		"separator in text": {`SELECT ';', "a;", ` + "`;`", sqltext.Statement{Keyword: "SELECT", SQL: `SELECT ';', "a;", ` + "`;`"}},
		"escaped quotes":    {`SELECT 'a\';', 'b'';'`, sqltext.Statement{Keyword: "SELECT", SQL: `SELECT 'a\';', 'b'';'`}},
		"heredoc":           {"SELECT $x$ ; ' $x$", sqltext.Statement{Keyword: "SELECT", SQL: "SELECT $x$ ; ' $x$"}},
		"brackets":          {"((SELECT 1))", sqltext.Statement{Keyword: "SELECT", SQL: "((SELECT 1))"}},
		"output format":     {"SELECT 1 FORMAT JSON", sqltext.Statement{Keyword: "SELECT", SQL: "SELECT 1 FORMAT JSON", Format: "JSON"}},
		"format, settings":  {"SELECT 1 FORMAT CSV SETTINGS a=1;", sqltext.Statement{Keyword: "SELECT", SQL: "SELECT 1 FORMAT CSV SETTINGS a=1", Format: "CSV"}},
		"column format":     {"SELECT format FROM t", sqltext.Statement{Keyword: "SELECT", SQL: "SELECT format FROM t"}},
		"engine file":       {"CREATE TABLE f (a String) ENGINE = File(CSV)", sqltext.Statement{Keyword: "CREATE", SQL: "CREATE TABLE f (a String) ENGINE = File(CSV)"}},
		"table file":        {"SELECT * FROM file WHERE x", sqltext.Statement{Keyword: "SELECT", SQL: "SELECT * FROM file WHERE x"}},
		"function insert":   {"SELECT insert('a', 1, 1, 'b')", sqltext.Statement{Keyword: "SELECT", SQL: "SELECT insert('a', 1, 1, 'b')"}},
		"driver's batch":    {"INSERT INTO t (a, b) FORMAT Native", sqltext.Statement{Keyword: "INSERT", SQL: "INSERT INTO t (a, b) ", Format: "Native", HasData: true}},
		"batch with settings": {"INSERT INTO t SETTINGS x='1' FORMAT Native",
			sqltext.Statement{Keyword: "INSERT", SQL: "INSERT INTO t SETTINGS x='1' ", Format: "Native", HasData: true}},
		"data after format": {"INSERT INTO t FORMAT TSV \r\na\n\nDROP TABLE t;\n",
			sqltext.Statement{Keyword: "INSERT", SQL: "INSERT INTO t ", Format: "TSV", Data: "a\n\nDROP TABLE t;\n", HasData: true}},
		"values": {"INSERT INTO t (a) VALUES (1), ('; DROP TABLE t') ; ",
			sqltext.Statement{Keyword: "INSERT", SQL: "INSERT INTO t (a) ", Format: "Values", Data: " (1), ('; DROP TABLE t')", HasData: true}},
		"table values": {"INSERT INTO values VALUES (1)",
			sqltext.Statement{Keyword: "INSERT", SQL: "INSERT INTO values ", Format: "Values", Data: " (1)", HasData: true}},
		"table format in database": {"INSERT INTO db.format FORMAT CSV",
			sqltext.Statement{Keyword: "INSERT", SQL: "INSERT INTO db.format ", Format: "CSV", HasData: true}},
		"from select":             {"INSERT INTO t SELECT 1;", sqltext.Statement{Keyword: "INSERT", SQL: "INSERT INTO t SELECT 1"}},
		"from select in brackets": {"INSERT INTO t (a) (SELECT 1)", sqltext.Statement{Keyword: "INSERT", SQL: "INSERT INTO t (a) (SELECT 1)"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := sqltext.Parse(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Parse(%q) (-want +got):\n%s", test.text, diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	tests := map[string]struct {
		text string
		want error
	}{
		"nothing":                  {" -- only a comment", sqltext.ErrEmpty},
		"only a separator":         {";", sqltext.ErrEmpty},
		"two statements":           {"SELECT 1; SELECT 2", sqltext.ErrMulti},
		"after a comment":          {"SELECT 1 /* ; */ ; DROP TABLE t", sqltext.ErrMulti},
		"after an insert":          {"INSERT INTO t SELECT 1; DROP TABLE t", sqltext.ErrMulti},
		"open string":              {"SELECT 'a", sqltext.ErrUnterminated},
		"open comment":             {"SELECT 1 /* a", sqltext.ErrUnterminated},
		"typographic quotes":       {"SELECT ‘'’; DROP TABLE t; SELECT ‘'’", sqltext.ErrTypographic},
		"outfile":                  {"SELECT 1 INTO OUTFILE '/tmp/x'", sqltext.ErrFile},
		"outfile in a comment gap": {"SELECT 1 INTO/**/outFile '/tmp/x'", sqltext.ErrFile},
		"infile":                   {"INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV", sqltext.ErrFile},
		"function file":            {"SELECT file('/etc/passwd')", sqltext.ErrFile},
		"function file, gap":       {"SELECT file /* */ ('/etc/passwd')", sqltext.ErrFile},
		"function file, quoted":    {"SELECT `file`('/etc/passwd')", sqltext.ErrFile},
		"function file, escaped":   {`SELECT "fi\x6ce"('/etc/passwd')`, sqltext.ErrFile},
		"insert without rows":      {"INSERT INTO t (a)", sqltext.ErrInsertForm},
		"insert, then anything":    {"INSERT INTO t (a)\n\nDROP TABLE t", sqltext.ErrInsertForm},
		"column select":            {"INSERT INTO t (select)", sqltext.ErrInsertForm},
		"format without a name":    {"INSERT INTO t FORMAT", sqltext.ErrInsertForm},
		"insert not first":         {"WITH 1 AS x INSERT INTO t FORMAT TSV\na", sqltext.ErrInsertPlace},
		"explain insert":           {"EXPLAIN INSERT INTO t SELECT 1", sqltext.ErrInsertPlace},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if st, err := sqltext.Parse(test.text); !errors.Is(err, test.want) {
				t.Errorf("Parse(%q) = %+v, %v; want %v", test.text, st, err, test.want)
			}
		})
	}
}

// TestSelectWithDataIsCut holds that rows after INSERT ... SELECT FROM input() never stay in the text that is executed.
func TestSelectWithDataIsCut(t *testing.T) {
	st, err := sqltext.Parse("INSERT INTO t SELECT * FROM input('a String') FORMAT TSV\nx\n\nDROP TABLE t")
	if err != nil {
		t.Fatal(err)
	}
	if !st.HasData || strings.Contains(st.SQL, "DROP") {
		t.Errorf("statement = %+v, want the rows in Data", st)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"SELECT 1", "SELECT ';' ; --x", "INSERT INTO t (a) VALUES (1)", "INSERT INTO t FORMAT Native\n\x00;", "$a$;$a$", "/*", "'\\", "SELECT `file`(1)", "((", "a$b$ ; $b$",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		st, err := sqltext.Parse(text)
		if err != nil {
			return
		}
		if !strings.HasPrefix(text, st.SQL) {
			t.Errorf("SQL %q is no prefix of %q", st.SQL, text)
		}
		if st.HasData {
			if !strings.Contains(text[len(st.SQL):], st.Data) || st.Format == "" {
				t.Errorf("data of %q: %+v", text, st)
			}
			return
		}
		again, err := sqltext.Parse(st.SQL)
		if err != nil || again.SQL != st.SQL {
			t.Errorf("Parse(%q) = %+v; parsed again: %+v, %v", text, st, again, err)
		}
		if _, err := sqltext.Parse(st.SQL + "\n;SELECT 1"); err == nil {
			t.Errorf("%q may be followed by a second statement", st.SQL)
		}
	})
}
