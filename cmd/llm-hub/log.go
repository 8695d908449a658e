package main

import (
	"context"
	"io"
	"log/slog"
	"unicode/utf8"
)

// maxLogLine bounds a line of the log, in bytes: whoever can make the hub say something
// long must not fill the disk with it.
const maxLogLine = 8 << 10

// newLogHandler writes lines of JSON, in which no text can look like a line of its own.
func newLogHandler(to io.Writer, level slog.Level) slog.Handler {
	return boundedLog{slog.NewJSONHandler(to, &slog.HandlerOptions{Level: level})}
}

// boundedLog shortens the texts of a record that would be too long a line. What a logger
// was made with is not bounded: it is the hub's own.
type boundedLog struct{ slog.Handler }

// Handle implements [slog.Handler].
func (b boundedLog) Handle(ctx context.Context, r slog.Record) error {
	const own = 1 << 10 // for time, level, names and what the logger was made with
	room := maxLogLine - own
	out := slog.NewRecord(r.Time, r.Level, shorten(r.Message, &room), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		v := a.Value.Resolve()
		text, isText := "", v.Kind() == slog.KindString
		if isText {
			text = v.String()
		}
		if err, ok := v.Any().(error); ok && !isText {
			text, isText = err.Error(), true
		}
		if isText {
			v = slog.StringValue(shorten(text, &room))
		}
		out.AddAttrs(slog.Attr{Key: a.Key, Value: v})
		return true
	})
	return b.Handler.Handle(ctx, out)
}

// WithAttrs implements [slog.Handler].
func (b boundedLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return boundedLog{b.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (b boundedLog) WithGroup(name string) slog.Handler { return boundedLog{b.Handler.WithGroup(name)} }

// shorten gives as much of s as fits into half of room once it is encoded as JSON, so
// that what comes later in the line has room, too; and takes it from room.
func shorten(s string, room *int) string {
	const escaped, mark = 6, "..."
	may, used := *room/2, 0
	for i, r := range s {
		size := utf8.RuneLen(r)
		if r < ' ' || r == utf8.RuneError || r == '\u2028' || r == '\u2029' || r == '<' || r == '>' || r == '&' {
			size = escaped
		} else if r == '"' || r == '\\' {
			size = 2
		}
		if used+size > may-len(mark) {
			*room -= used + len(mark)
			return s[:i] + mark
		}
		used += size
	}
	*room -= used
	return s
}
