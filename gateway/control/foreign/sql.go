package foreign

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// dump reads the tables of what `sqlite3 FILE .dump`, mysqldump and pg_dump write:
// statements that create tables and fill them. Everything else is passed over.
type dump struct {
	data    []byte
	at      int
	line    int
	escapes bool // a backslash in a text is MySQL's
	columns map[string][]string
	rows    map[string][]*node
	want    func(table string) bool
}

// readDump gives the rows of the tables that are wanted.
func readDump(file string, data []byte, want func(table string) bool) (map[string][]*node, error) {
	head := data[:min(len(data), 4096)]
	d := &dump{
		data: data, line: 1, columns: map[string][]string{}, rows: map[string][]*node{}, want: want,
		escapes: bytes.Contains(head, []byte("MySQL dump")) || bytes.Contains(head, []byte("MariaDB dump")) || bytes.Contains(data, []byte(") ENGINE=")),
	}
	for {
		t := d.next()
		if t.end {
			return d.rows, nil
		}
		if err := d.statement(t); err != nil {
			return nil, fmt.Errorf("%s", Note{File: file, Line: d.line, Text: err.Error()})
		}
	}
}

// token is a word, a quoted name, a text, a number or a sign.
type token struct {
	text   string
	line   int
	word   bool // not quoted
	string bool // a text
	end    bool // of the file
}

func (t token) is(word string) bool { return t.word && strings.EqualFold(t.text, word) }

func (d *dump) statement(t token) error {
	switch {
	case t.is("CREATE"):
		return d.create()
	case t.is("INSERT") || t.is("REPLACE"):
		return d.insert()
	case t.is("COPY"):
		return d.copy()
	case t.is(";"):
		return nil
	}
	d.skip()
	return nil
}

// skip goes behind the end of the statement.
func (d *dump) skip() {
	for t := d.next(); !t.end && !t.is(";"); t = d.next() {
	}
}

// name reads the name of a table, which may follow that of its schema.
func (d *dump) name(t token) string {
	name := t.text
	for d.peek() == '.' {
		d.next()
		name = d.next().text
	}
	return strings.ToLower(name)
}

// create learns the columns of a table, in their order.
func (d *dump) create() error {
	t := d.next()
	for t.is("TEMP") || t.is("TEMPORARY") {
		t = d.next()
	}
	if !t.is("TABLE") {
		if !t.end && !t.is(";") {
			d.skip()
		}
		return nil
	}
	t = d.next()
	for t.is("IF") || t.is("NOT") || t.is("EXISTS") {
		t = d.next()
	}
	table := d.name(t)
	if t = d.next(); !t.is("(") {
		d.skip()
		return nil
	}
	var columns []string
	depth, first := 1, true
	for depth > 0 {
		switch t = d.next(); {
		case t.end:
			return fmt.Errorf("the table %s is cut off", table)
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		case t.is(",") && depth == 1:
			first = true
			continue
		case first && depth == 1 && !t.constraint(d.escapes):
			columns = append(columns, strings.ToLower(t.text))
		}
		first = false
	}
	d.columns[table] = columns
	d.skip()
	return nil
}

// constraint tells a rule of a table from a column. Only MySQL has the last three, and
// quotes every column.
func (t token) constraint(mysql bool) bool {
	words := []string{"PRIMARY", "UNIQUE", "CONSTRAINT", "FOREIGN", "CHECK", "KEY", "INDEX", "FULLTEXT"}
	if !mysql {
		words = words[:5]
	}
	return slices.ContainsFunc(words, t.is)
}

// insert reads rows of values.
func (d *dump) insert() error {
	t := d.next()
	for t.is("INTO") || t.is("IGNORE") || t.is("OR") || t.is("REPLACE") {
		t = d.next()
	}
	table := d.name(t)
	columns := d.columns[table]
	if t = d.next(); t.is("(") {
		columns = nil
		for t = d.next(); !t.end && !t.is(")"); t = d.next() {
			if !t.is(",") {
				columns = append(columns, strings.ToLower(t.text))
			}
		}
		t = d.next()
	}
	if !t.is("VALUES") || !d.want(table) {
		if !t.end && !t.is(";") {
			d.skip()
		}
		return nil
	}
	for {
		switch t = d.next(); {
		case t.end || t.is(";"):
			return nil
		case t.is(","):
		case t.is("("):
			if err := d.row(table, columns, t.line); err != nil {
				return err
			}
		default: // ON CONFLICT and the like
			d.skip()
			return nil
		}
	}
}

func (d *dump) row(table string, columns []string, line int) error {
	n := &node{shape: mapping, line: line}
	for i := 0; ; i++ {
		v, err := d.value(0)
		if err != nil {
			return err
		}
		if i >= len(columns) {
			return fmt.Errorf("a row of %s has more values than the table has columns, of which %d are known", table, len(columns))
		}
		n.pairs = append(n.pairs, pair{columns[i], line, &node{text: v, line: line}})
		switch t := d.next(); {
		case t.is(","):
		case t.is(")"):
			d.rows[table] = append(d.rows[table], n)
			return nil
		default:
			return fmt.Errorf("a row of %s is not understood", table)
		}
	}
}

// value reads one value. NULL is empty. The functions are those that sqlite3 writes
// for texts of several lines.
func (d *dump) value(depth int) (string, error) {
	const deepest = 8
	t := d.next()
	switch {
	case t.end || depth > deepest:
		return "", fmt.Errorf("a value is cut off")
	case t.string:
		return t.text, nil
	case t.is("NULL"):
		return "", nil
	case t.is("-") || t.is("+"):
		v, err := d.value(depth + 1)
		return t.text + v, err
	case d.peek() == '\'' && (t.is("X") || t.is("E") || t.is("N") || t.is("_binary")):
		text := d.next().text
		if raw, err := hex.DecodeString(text); t.is("X") && err == nil {
			return string(raw), nil
		}
		return text, nil
	case t.word && d.peek() == '(':
		return d.call(t, depth)
	case t.word && t.text != "(" && t.text != ")" && t.text != ",":
		return t.text, nil
	}
	return "", fmt.Errorf("a value is not understood")
}

func (d *dump) call(f token, depth int) (string, error) {
	d.next()
	var args []string
	for {
		v, err := d.value(depth + 1)
		if err != nil {
			return "", err
		}
		args = append(args, v)
		if t := d.next(); t.is(")") {
			break
		} else if !t.is(",") {
			return "", fmt.Errorf("a value is not understood")
		}
	}
	switch {
	case f.is("char") && len(args) == 1:
		n, err := strconv.ParseUint(args[0], 10, 7)
		return string(rune(n)), err
	case f.is("replace") && len(args) == 3:
		return strings.ReplaceAll(args[0], args[1], args[2]), nil
	case f.is("unistr") && len(args) == 1:
		text, err := strconv.Unquote(`"` + strings.ReplaceAll(args[0], `"`, `\"`) + `"`)
		if err != nil {
			return "", fmt.Errorf("a text is not understood")
		}
		return text, nil
	}
	return "", fmt.Errorf("a value is made by a function that is not known")
}

// copy reads the rows of Postgres: a line each, values between tabs.
func (d *dump) copy() error {
	table := d.name(d.next())
	var columns []string
	t := d.next()
	for ; !t.end && !t.is(";"); t = d.next() {
		if t.is("FROM") {
			d.skip()
			break
		}
		if !t.is("(") && !t.is(")") && !t.is(",") {
			columns = append(columns, strings.ToLower(t.text))
		}
	}
	_, rest, _ := bytes.Cut(d.data[d.at:], []byte{'\n'})
	d.at, d.line = len(d.data)-len(rest), d.line+1
	for {
		line, rest, more := bytes.Cut(d.data[d.at:], []byte{'\n'})
		d.at = len(d.data) - len(rest)
		d.line++
		if string(line) == `\.` || !more {
			return nil
		}
		if !d.want(table) {
			continue
		}
		n := &node{shape: mapping, line: d.line - 1}
		for i, v := range strings.Split(string(line), "\t") {
			if i >= len(columns) {
				return fmt.Errorf("a row of %s has more values than columns", table)
			}
			text := ""
			if v != `\N` {
				text = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r", `\t`, "\t").Replace(v)
			}
			n.pairs = append(n.pairs, pair{columns[i], n.line, &node{text: text, line: n.line}})
		}
		d.rows[table] = append(d.rows[table], n)
	}
}
