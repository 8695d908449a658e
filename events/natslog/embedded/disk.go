package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// storeBound gives the bound of the store in dir: what is configured, else half
// of what the disk can give it. Streams reserve their share of it when they are
// made, so it must not promise what the disk does not have.
func storeBound(dir string, configured int64) (int64, error) {
	if configured != 0 {
		if configured < MinBytes {
			return 0, fmt.Errorf("MaxBytes is %d, less than %d", configured, int64(MinBytes))
		}
		return configured, nil
	}
	free, err := freeBytes(dir)
	if err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	used, err := usedBytes(dir)
	if err != nil {
		return 0, err
	}
	bound := min((free+used)/2, maxDefaultBytes)
	if bound < MinBytes {
		return 0, fmt.Errorf("%s: the disk has %d bytes free, the log needs %d at least", dir, free, 2*int64(MinBytes))
	}
	return bound, nil
}

// usedBytes adds up the files under dir.
func usedBytes(dir string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		sum += info.Size()
		return nil
	})
	return sum, err
}
