package export

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// rowGroup is how many rows are kept in memory before they are written.
const rowGroup = 10_000

type parquetWriter struct {
	w       *parquet.GenericWriter[any]
	columns []Column
	places  []int // of each column in the file, which has them by name
	held    []parquet.Row
}

func newParquet(to io.Writer, columns []Column) *parquetWriter {
	group := parquet.Group{}
	names := make([]string, len(columns))
	for i, c := range columns {
		node := c.node()
		if c.Optional {
			node = parquet.Optional(node)
		}
		group[c.Name], names[i] = node, c.Name
	}
	slices.SortFunc(names, strings.Compare)
	p := &parquetWriter{columns: columns}
	for _, c := range columns {
		p.places = append(p.places, slices.Index(names, c.Name))
	}
	p.w = parquet.NewGenericWriter[any](to, parquet.NewSchema("llmhub", group), parquet.MaxRowsPerRowGroup(rowGroup), parquet.Compression(&zstd.Codec{}))
	return p
}

func (c Column) node() parquet.Node {
	switch c.Kind {
	case Integer:
		return parquet.Int(64)
	case Boolean:
		return parquet.Leaf(parquet.BooleanType)
	case Moment:
		return parquet.Timestamp(parquet.Nanosecond)
	case Money:
		return parquet.Decimal(9, 18, parquet.Int64Type)
	default:
		return parquet.String()
	}
}

// Row implements [Writer].
func (p *parquetWriter) Row(values []any) error {
	row := make(parquet.Row, len(values))
	for i, v := range values {
		value, err := p.columns[i].value(v)
		if err != nil {
			return err
		}
		defined := 0
		if p.columns[i].Optional && v != nil {
			defined = 1
		}
		row[p.places[i]] = value.Level(0, defined, p.places[i])
	}
	if p.held = append(p.held, row); len(p.held) < rowGroup {
		return nil
	}
	return p.flush()
}

// value is v as the file has it.
func (c Column) value(v any) (parquet.Value, error) {
	switch v := v.(type) {
	case nil:
		if c.Optional {
			return parquet.NullValue(), nil
		}
	case string:
		return parquet.ByteArrayValue([]byte(v)), nil
	case int64:
		return parquet.Int64Value(v), nil
	case Dollars:
		return parquet.Int64Value(int64(v)), nil
	case bool:
		return parquet.BooleanValue(v), nil
	case time.Time:
		return parquet.Int64Value(v.UnixNano()), nil
	}
	return parquet.Value{}, fmt.Errorf("column %s: %v does not fit", c.Name, v)
}

func (p *parquetWriter) flush() error {
	_, err := p.w.WriteRows(p.held)
	p.held = p.held[:0]
	return err
}

// Close implements [Writer].
func (p *parquetWriter) Close() error {
	if err := p.flush(); err != nil {
		return err
	}
	return p.w.Close()
}
