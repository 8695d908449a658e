package main

import (
	"fmt"
	"os"

	"github.com/llm-hub/llm-hub/gateway/provider/form"
)

// maxForms bounds what all forms that are being served take up on disk, in bytes. The
// log is on the same disk.
const maxForms = 1 << 30

// formStore is where forms are while they are served. Nothing in it outlives a process.
func (d *dataDir) formStore() (*form.Store, error) {
	dir := d.file("forms")
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	return form.NewStore(dir, maxForms), nil
}
