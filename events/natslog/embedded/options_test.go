package embedded

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/llm-hub/llm-hub/events/natslog"
)

// TestClassesOfDurability holds what each class syncs; no test can see an
// operating system's crash.
func TestClassesOfDurability(t *testing.T) {
	for class, always := range map[natslog.Class]bool{natslog.Dev: false, natslog.Durable: true} {
		opts, err := options(Config{Dir: t.TempDir(), Class: class, MaxBytes: MinBytes, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if opts.SyncAlways != always || opts.SyncInterval != devSyncInterval {
			t.Errorf("%s: sync always %t, every %s", class, opts.SyncAlways, opts.SyncInterval)
		}
	}
}

func TestStoreBound(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "block"), make([]byte, 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	used, err := usedBytes(dir)
	if err != nil || used != 5000 {
		t.Errorf("%d bytes used, %v", used, err)
	}
	free, err := freeBytes(dir)
	if err != nil || free <= 0 {
		t.Fatalf("%d bytes free, %v", free, err)
	}
	bound, err := storeBound(dir, 0)
	if free < 4*MinBytes {
		t.Logf("the disk is nearly full: bound %d, %v", bound, err)
	} else if err != nil || bound < MinBytes || bound > maxDefaultBytes || bound > free+used {
		t.Errorf("bound %d with %d bytes free, %v", bound, free, err)
	}
	if _, err := storeBound(filepath.Join(dir, "absent"), 0); err == nil {
		t.Error("no directory: no error")
	}
	if bound, err := storeBound(dir, MinBytes); bound != MinBytes || err != nil {
		t.Errorf("configured: %d, %v", bound, err)
	}
}

func TestLoggerNeverEndsTheProcess(t *testing.T) {
	l := &logger{to: slog.New(slog.DiscardHandler)}
	if err := l.last(); err == nil || err.Error() != "none" {
		t.Errorf("last of none: %v", err)
	}
	l.Errorf("disk %d", 1)
	if l.fatal() != nil || l.last().Error() != "disk 1" {
		t.Errorf("fatal %v, last %v", l.fatal(), l.last())
	}
	l.Fatalf("disk %d", 2)
	l.Errorf("disk %d", 3)
	if l.fatal().Error() != "disk 2" || l.last().Error() != "disk 3" {
		t.Errorf("fatal %v, last %v", l.fatal(), l.last())
	}
}
