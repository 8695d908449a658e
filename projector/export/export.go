// Package export writes what the questions answer as files: CSV, JSON lines and
// Parquet, streamed. Every row comes from an answer of projector/query, so what is
// exported is what is on the screen.
package export

import (
	"fmt"
	"io"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
)

// Format is how a table is written.
type Format string

// The formats.
const (
	CSV     Format = "csv"     // RFC 4180, with a header; text that a spreadsheet would take for a formula begins with '
	JSONL   Format = "jsonl"   // an object a line, its members in the order of the columns
	Parquet Format = "parquet" // zstd; times in nanoseconds of UTC
)

// Kind is what a column holds. In Go a value is a string, an int64, a bool, a
// [time.Time] or a [Dollars]; nil where there is none, in an optional column.
type Kind int

// The kinds of columns.
const (
	Text Kind = iota
	Integer
	Boolean
	Moment
	Money // a decimal of 9 digits behind the point, exact in every format
)

// Dollars is an amount of money in nano-USD, written in dollars.
type Dollars int64

// String is the amount as a decimal.
func (d Dollars) String() string { return accounting.FormatUSD(int64(d)) }

// MarshalJSON gives a number.
func (d Dollars) MarshalJSON() ([]byte, error) { return []byte(d.String()), nil }

// Column is one column of a table.
type Column struct {
	Name     string
	Kind     Kind
	Optional bool
}

// Writer writes the rows of one table.
type Writer interface {
	// Row writes a row, whose values are those of the columns.
	Row(values []any) error
	// Close completes the file; what it was written to stays open.
	Close() error
}

// NewWriter begins a file of a table.
func NewWriter(to io.Writer, f Format, columns []Column) (Writer, error) {
	switch f {
	case CSV:
		return newCSV(to, columns)
	case JSONL:
		return newJSONL(to, columns), nil
	case Parquet:
		return newParquet(to, columns), nil
	}
	return nil, fmt.Errorf("format %q is not csv, jsonl or parquet", f)
}

// text is a value as it is written where everything is text; empty for none.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case time.Time:
		return v.Format(time.RFC3339Nano)
	default:
		return fmt.Sprint(v)
	}
}
