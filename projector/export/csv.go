package export

import (
	"encoding/csv"
	"io"
	"strings"
)

type csvWriter struct {
	w    *csv.Writer
	line []string
}

func newCSV(to io.Writer, columns []Column) (*csvWriter, error) {
	c := &csvWriter{w: csv.NewWriter(to), line: make([]string, len(columns))}
	for i, column := range columns {
		c.line[i] = column.Name
	}
	return c, c.w.Write(c.line)
}

// Row implements [Writer].
func (c *csvWriter) Row(values []any) error {
	for i, v := range values {
		c.line[i] = text(v)
		if _, words := v.(string); words {
			c.line[i] = literal(c.line[i])
		}
	}
	return c.w.Write(c.line)
}

// Close implements [Writer].
func (c *csvWriter) Close() error {
	c.w.Flush()
	return c.w.Error()
}

// literal keeps a spreadsheet from reading a name as a formula.
func literal(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}
