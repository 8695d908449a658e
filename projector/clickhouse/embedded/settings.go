package embedded

import (
	"bytes"
	"embed"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"text/template"
)

//go:embed templates
var templates embed.FS

// The layout of the engine's data directory.
const (
	configFile   = "config.xml"
	usersFile    = "users.xml"
	lockFile     = "lock"
	tablesDir    = "tables"
	userFilesDir = "user_files" // stays empty: the engine insists on having one
)

// settings is what the engine's configuration files are made from.
type settings struct {
	UsersFile      string
	UserFilesDir   string
	MaxMemory      int64 // bytes of all statements and background work together
	MaxQueryMemory int64 // bytes of one statement
	SpillBytes     int64 // from here on GROUP BY and ORDER BY go to disk
	// MinThreadMemory is how many bytes must be free for each further thread of a statement.
	MinThreadMemory int64
	Fsync           int // 0 or 1
	Database        string
	TableEngines    []string // that tables may be made with
}

// tableEngines are those that keep what they have in the data directory and reach nothing else.
func tableEngines() []string {
	return []string{
		"MergeTree", "ReplacingMergeTree", "SummingMergeTree", "AggregatingMergeTree", "CollapsingMergeTree", "VersionedCollapsingMergeTree",
		"TinyLog", "Log", "Memory", "Null", "Buffer",
	}
}

// newSettings leaves a quarter of the memory to merges and to others when one statement takes all it may.
func newSettings(b boot) settings {
	s := settings{
		UsersFile: filepath.Join(b.DataDir, usersFile), UserFilesDir: filepath.Join(b.DataDir, userFilesDir),
		MaxMemory: b.MaxMemory, MaxQueryMemory: b.MaxMemory * 3 / 4, SpillBytes: b.MaxMemory * 3 / 8,
		MinThreadMemory: b.MaxMemory / 32, Fsync: 1, Database: b.Database, TableEngines: tableEngines(),
	}
	if b.NoFsync {
		s.Fsync = 0
	}
	return s
}

// write writes the configuration files and makes the directories.
func (s settings) write(dataDir string) error {
	for _, dir := range []string{tablesDir, userFilesDir} {
		if err := os.MkdirAll(filepath.Join(dataDir, dir), 0o700); err != nil {
			return err
		}
	}
	escaped := s
	escaped.UsersFile, escaped.UserFilesDir = escapeXML(s.UsersFile), escapeXML(s.UserFilesDir)
	for _, name := range []string{configFile, usersFile} {
		t, err := template.ParseFS(templates, "templates/"+name)
		if err != nil {
			return fmt.Errorf("template of %s: %w", name, err)
		}
		var text bytes.Buffer
		if err := t.Execute(&text, escaped); err != nil {
			return fmt.Errorf("template of %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(dataDir, name), text.Bytes(), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func escapeXML(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a bytes.Buffer takes everything
	return b.String()
}
