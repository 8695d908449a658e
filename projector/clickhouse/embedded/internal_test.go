package embedded

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSettingsAreWellFormed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a <b> & 'c'")
	b := boot{DataDir: dir, Database: database, MaxMemory: 1 << 30}
	if err := newSettings(b).write(dir); err != nil {
		t.Fatal(err)
	}
	var config struct {
		Users  string `xml:"users_config"`
		Memory int64  `xml:"max_server_memory_usage"`
		Fsync  int    `xml:"merge_tree>fsync_after_insert"`
	}
	readXML(t, filepath.Join(dir, configFile), &config)
	if config.Users != filepath.Join(dir, usersFile) || config.Memory != 1<<30 || config.Fsync != 1 {
		t.Errorf("config = %+v", config)
	}
	var users struct {
		Memory int64    `xml:"profiles>default>max_memory_usage"`
		Grants []string `xml:"users>default>grants>query"`
	}
	readXML(t, filepath.Join(dir, usersFile), &users)
	if users.Memory != 3<<28 {
		t.Errorf("a statement's memory = %d", users.Memory)
	}
	for _, grant := range users.Grants {
		if strings.Contains(grant, " ALL ") || strings.Contains(grant, "SOURCES") {
			t.Errorf("grant too wide: %s", grant)
		}
	}
	b.NoFsync = true
	if err := newSettings(b).write(dir); err != nil {
		t.Fatal(err)
	}
	readXML(t, filepath.Join(dir, configFile), &config)
	if config.Fsync != 0 {
		t.Error("NoFsync is not in the configuration")
	}
}

func readXML(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func TestLineLogKeepsTheTail(t *testing.T) {
	var logged bytes.Buffer
	l := &lineLog{logger: slog.New(slog.NewTextHandler(&logged, nil))}
	if l.tail() != "" {
		t.Errorf("tail of nothing = %q", l.tail())
	}
	for i := range 20 {
		for _, part := range []string{"line", fmt.Sprint(" ", i), "\n\n"} {
			if n, err := io.WriteString(l, part); n != len(part) || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
		}
	}
	if _, err := io.WriteString(l, strings.Repeat("x", 2*longestLine)+"\nlast\nbegun"); err != nil {
		t.Fatal(err)
	}
	tail := l.tail()
	if !strings.HasPrefix(tail, ": line 14; ") || !strings.HasSuffix(tail, strings.Repeat("x", longestLine)+"; last") {
		t.Errorf("tail = %.60q ... %q", tail, tail[len(tail)-10:])
	}
	if got := strings.Count(logged.String(), "\n"); got != 22 {
		t.Errorf("%d lines logged, want 22", got)
	}
}

func TestDSNEscapes(t *testing.T) {
	a := Access{Addr: "127.0.0.1:1", User: "u", Password: "p/@:", Database: "d"}
	if got, want := a.DSN(), "http://u:p%2F%40%3A@127.0.0.1:1/d"; got != want {
		t.Errorf("DSN = %q, want %q", got, want)
	}
}
