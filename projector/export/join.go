package export

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// Join writes one file with the rows of several, which have the same columns, in their order.
func Join(f Format, paths []string, to io.Writer) error {
	if f == Parquet {
		return joinParquet(paths, to)
	}
	out := bufio.NewWriter(to)
	for i, path := range paths {
		if err := appendText(out, path, f == CSV && i > 0); err != nil {
			return fmt.Errorf("part %d: %w", i, err)
		}
	}
	return out.Flush()
}

// appendText copies a file, perhaps without its first line, which holds the names of
// columns and so no line break.
func appendText(to io.Writer, path string, headless bool) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	from := bufio.NewReader(file)
	if headless {
		if _, err := from.ReadSlice('\n'); err != nil {
			return err
		}
	}
	_, err = from.WriteTo(to)
	return err
}

func joinParquet(paths []string, to io.Writer) error {
	var w *parquet.GenericWriter[any]
	for i, path := range paths {
		err := func() error {
			file, err := os.Open(path)
			if err != nil {
				return err
			}
			defer file.Close()
			r := parquet.NewGenericReader[any](file)
			defer r.Close() //nolint:errcheck // only the file below can fail
			if w == nil {
				w = parquet.NewGenericWriter[any](to, r.Schema(), parquet.MaxRowsPerRowGroup(rowGroup), parquet.Compression(&zstd.Codec{}))
			}
			return copyRows(w, r)
		}()
		if err != nil {
			return fmt.Errorf("part %d: %w", i, err)
		}
	}
	if w == nil {
		return errors.New("there is no part")
	}
	return w.Close()
}

// copyRows copies all rows, some at a time.
func copyRows(to parquet.RowWriter, from parquet.RowReader) error {
	rows := make([]parquet.Row, 256)
	for {
		n, err := from.ReadRows(rows)
		if n > 0 {
			if _, err := to.WriteRows(rows[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
