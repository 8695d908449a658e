package export

import (
	"bufio"
	"encoding/json"
	"io"
)

type jsonlWriter struct {
	w     *bufio.Writer
	names [][]byte // each as `"name":`
}

func newJSONL(to io.Writer, columns []Column) *jsonlWriter {
	j := &jsonlWriter{w: bufio.NewWriter(to)}
	for _, c := range columns {
		name, _ := json.Marshal(c.Name) // text always encodes
		j.names = append(j.names, append(name, ':'))
	}
	return j
}

// Row implements [Writer].
func (j *jsonlWriter) Row(values []any) error {
	line := []byte{'{'}
	for i, v := range values {
		if i > 0 {
			line = append(line, ',')
		}
		value, err := json.Marshal(v)
		if err != nil {
			return err
		}
		line = append(append(line, j.names[i]...), value...)
	}
	_, err := j.w.Write(append(line, '}', '\n'))
	return err
}

// Close implements [Writer].
func (j *jsonlWriter) Close() error { return j.w.Flush() }
