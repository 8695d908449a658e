package events

import (
	"encoding/json"
	"strconv"
	"time"
)

// appendEvent appends e as encoding/json would write it, given a body that
// encoding/json wrote: that package would read body and times once more to check
// them, which costs a node more than all else it does for an event.
func appendEvent(line []byte, e *Event) ([]byte, error) {
	line = appendText(append(line, `{"id":`...), string(e.ID))
	line = appendText(append(line, `,"kind":`...), string(e.Kind))
	line = strconv.AppendInt(append(line, `,"v":`...), int64(e.V), 10)
	line, err := appendTime(append(line, `,"at":`...), e.At)
	if err != nil {
		return nil, err
	}
	line = appendText(append(line, `,"node":`...), string(e.Node))
	line = appendText(append(line, `,"tenant":`...), string(e.Tenant))
	if e.Request != "" {
		line = appendText(append(line, `,"request":`...), string(e.Request))
	}
	if !e.WindowAt.IsZero() {
		if line, err = appendTime(append(line, `,"window_at":`...), e.WindowAt); err != nil {
			return nil, err
		}
	}
	line = append(append(line, `,"body":`...), e.Body...)
	return append(line, '}'), nil
}

func appendTime(line []byte, t time.Time) ([]byte, error) {
	line, err := t.AppendText(append(line, '"'))
	return append(line, '"'), err
}

// appendText appends a string; almost all are plain.
func appendText(line []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(s) // a string always encodes
			return append(line, quoted...)
		}
	}
	return append(append(append(line, '"'), s...), '"')
}
