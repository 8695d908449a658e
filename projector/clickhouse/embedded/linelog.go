package embedded

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
)

// How much of a child's standard error is kept for the error that tells of its death.
const (
	tailLines   = 8
	longestLine = 4 << 10 // bytes; the rest of a longer line is dropped
)

// lineLog logs what is written to it line by line and keeps the last lines.
type lineLog struct {
	logger *slog.Logger

	mu    sync.Mutex
	line  []byte // begun, not ended
	lines []string
}

// Write takes standard error as it comes.
func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	for {
		head, rest, ended := bytes.Cut(p, []byte("\n"))
		l.line = append(l.line, head[:min(len(head), longestLine-len(l.line))]...)
		if !ended {
			return n, nil
		}
		l.end()
		p = rest
	}
}

func (l *lineLog) end() {
	line := strings.TrimSpace(string(l.line))
	l.line = l.line[:0]
	if line == "" {
		return
	}
	l.logger.Warn("clickhouse engine", "stderr", line)
	l.lines = append(l.lines, line)
	l.lines = l.lines[max(0, len(l.lines)-tailLines):]
}

// tail is the last lines as the end of an error's text, "" if there are none.
func (l *lineLog) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) == 0 {
		return ""
	}
	return ": " + strings.Join(l.lines, "; ")
}
