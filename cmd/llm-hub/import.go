package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/control/foreign"
)

type importCmd struct {
	LiteLLM importLiteLLMCmd `cmd:"" name:"litellm" help:"Of LiteLLM's config.yaml."`
	OneAPI  importOneAPICmd  `cmd:"" name:"one-api" help:"Of the database of one-api or new-api."`
}

// importOutput says where a hub.yaml goes.
type importOutput struct {
	Out string `help:"File to write hub.yaml to, not there yet; without it, it is printed." type:"path" placeholder:"FILE"`
}

type importLiteLLMCmd struct {
	importOutput
	File string `arg:"" help:"The proxy's config.yaml." type:"path"`
	Keys string `help:"File with the answer of /key/list?return_full_object=true, for virtual keys that go on working." type:"path" placeholder:"FILE"`
}

// Run reads a config.yaml.
func (c *importLiteLLMCmd) Run(w world) error {
	config, err := readForeign("FILE", c.File)
	if err != nil {
		return err
	}
	keys, err := readForeign("--keys", c.Keys)
	if err != nil {
		return err
	}
	loader, err := newLoader(w.env)
	if err != nil {
		return err
	}
	r, err := foreign.LiteLLM(config, keys, loader)
	if err != nil {
		return usageError{err}
	}
	return c.write(w, loader, r)
}

type importOneAPICmd struct {
	importOutput
	Files []string `arg:"" help:"Dumps of the database, like that of: sqlite3 one-api.db '.dump channels tokens users options'. mysqldump and pg_dump do as well, and JSON of the API or of rows." type:"path"`
}

// Run reads dumps.
func (c *importOneAPICmd) Run(w world) error {
	var files []foreign.File
	for _, path := range c.Files {
		f, err := readForeign("FILE", path)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	loader, err := newLoader(w.env)
	if err != nil {
		return err
	}
	r, err := foreign.OneAPI(files, loader)
	if err != nil {
		return usageError{err}
	}
	return c.write(w, loader, r)
}

// maxForeign bounds a file that is read, in bytes: a dump of the four tables is far
// smaller, one of the logs may not fit into memory.
const maxForeign = 256 << 20

// readForeign reads a file; no path is no file.
func readForeign(flag, path string) (foreign.File, error) {
	if path == "" {
		return foreign.File{}, nil
	}
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxForeign {
		err = fmt.Errorf("%s has more than %d bytes: dump only the tables that are needed", path, int64(maxForeign))
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return foreign.File{}, usageError{fmt.Errorf("%s: %w", flag, err)}
	}
	return foreign.File{Name: filepath.Base(path), Data: data}, nil
}

// write writes hub.yaml and tells what it has not. With --out that goes to the output,
// which hub.yaml has otherwise.
func (c importOutput) write(w world, loader *control.Loader, r *foreign.Result) error {
	report := w.out
	if c.Out == "" {
		report = w.err
		if _, err := w.out.Write(r.YAML); err != nil {
			return err
		}
	} else if err := writeNew(c.Out, r.YAML); err != nil {
		return err
	}
	for _, n := range r.Notes {
		fmt.Fprintln(report, n)
	}
	fmt.Fprintf(report, "%d providers, %d models, %d users, %d keys; %d things to look at\n", r.Providers, r.Models, r.Users, r.Keys, len(r.Notes))
	// What it refers to may not be here but where the hub will run.
	_, err := loader.Parse(r.YAML, cmp.Or(c.Out, "hub.yaml"))
	for _, m := range control.Mistakes(err) {
		fmt.Fprintln(report, "before it can be applied:", m)
	}
	return nil
}

// writeNew writes a private file that must not be there yet.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return usageError{fmt.Errorf("--out: %w", err)}
	}
	_, err = f.Write(data)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
