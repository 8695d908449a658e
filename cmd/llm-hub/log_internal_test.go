package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// TestLogLines: whatever is said, a line of the log is one object of JSON of at most 8 KiB,
// and what fits is whole.
func TestLogLines(t *testing.T) {
	nasty := "\n{\"msg\":\"forged\"}\r\x00\x1b[31m\u2028\u202e<script>\xff\\\""
	for _, text := range []string{"short", "", nasty, strings.Repeat(nasty, 1000), strings.Repeat("x", 30<<10), strings.Repeat("\x00", 30<<10), strings.Repeat("🌊", 10<<10)} {
		var out bytes.Buffer
		log := slog.New(newLogHandler(&out, slog.LevelInfo)).With("node", "n").WithGroup("g")
		log.Error(text, "a", text, "error", errors.New(text), "n", 7, "last", text)
		var line struct {
			Level, Msg, Node string
			G                struct {
				A, Error, Last string
				N              int
			}
		}
		if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Level != "ERROR" || line.Node != "n" || line.G.N != 7 {
			t.Fatalf("%v: %.300q", err, out.String())
		}
		if n := out.Len(); n > maxLogLine || strings.Count(out.String(), "\n") != 1 {
			t.Errorf("%.20q: a line of %d bytes with %d ends", text, n, strings.Count(out.String(), "\n"))
		}
		whole := strings.ToValidUTF8(text, "\ufffd")
		for name, got := range map[string]string{"message": line.Msg, "text": line.G.A, "error": line.G.Error, "last": line.G.Last} {
			if short, cut := strings.CutSuffix(got, "..."); got != whole && (!cut || !strings.HasPrefix(whole, short) || len(text) < 100) {
				t.Errorf("%s: %.100q of %.100q", name, got, text)
			}
		}
	}
	var out bytes.Buffer
	slog.New(newLogHandler(&out, slog.LevelWarn)).Info("quiet")
	if out.Len() != 0 {
		t.Errorf("below its level: %s", &out)
	}
}
