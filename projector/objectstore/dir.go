package objectstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// tempPrefix begins the names of files that are being written; no object's does.
const tempPrefix = ".put-"

// tempAge is how old a half-written file must be to be taken for one that a dead
// process left.
const tempAge = 24 * time.Hour

// Dir is a store in a directory: an object is a file.
type Dir struct{ path string }

// OpenDir opens the store in a directory and makes it if it is not there.
func OpenDir(path string) (*Dir, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("object store: %w", err)
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, fmt.Errorf("object store: %w", err)
	}
	d := &Dir{abs}
	return d, d.sweep()
}

// String is the location.
func (d *Dir) String() string { return d.path }

// sweep removes what processes left that died while they wrote.
func (d *Dir) sweep() error {
	return d.walk(func(path string, e fs.DirEntry) error {
		if !strings.HasPrefix(e.Name(), tempPrefix) {
			return nil
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > tempAge {
			_ = os.Remove(path) // by whomever
		}
		return nil
	})
}

// walk visits the files. What goes away meanwhile is passed over.
func (d *Dir) walk(file func(path string, e fs.DirEntry) error) error {
	err := filepath.WalkDir(d.path, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != d.path {
			return nil
		}
		if err != nil || e.IsDir() {
			return err
		}
		return file(path, e)
	})
	if err != nil {
		return fmt.Errorf("object store: %w", err)
	}
	return nil
}

// Get implements [Reader].
func (d *Dir) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := errors.Join(checkName(name), ctx.Err()); err != nil {
		return nil, err
	}
	f, err := os.Open(d.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("object %s in %s: %w", name, d.path, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("object %s: %w", name, err)
	}
	return f, nil
}

// List implements [Reader].
func (d *Dir) List(ctx context.Context, prefix string) ([]Object, error) {
	var out []Object
	err := d.walk(func(path string, e fs.DirEntry) error {
		rel, err := filepath.Rel(d.path, path)
		name := filepath.ToSlash(rel)
		if err != nil || !ValidName(name) || !strings.HasPrefix(name, prefix) {
			return errors.Join(err, ctx.Err())
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		out = append(out, Object{Name: name, Size: info.Size()})
		return ctx.Err()
	})
	slices.SortFunc(out, func(a, b Object) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

// Put implements [Writer]: the file is written and fsynced under another name first.
func (d *Dir) Put(ctx context.Context, name string, r io.Reader) error {
	if err := errors.Join(checkName(name), ctx.Err()); err != nil {
		return err
	}
	if err := d.put(ctx, d.file(name), r); err != nil {
		return fmt.Errorf("put %s: %w", name, err)
	}
	return nil
}

func (d *Dir) put(ctx context.Context, path string, r io.Reader) (err error) {
	folder := filepath.Dir(path)
	if err := d.makeFolder(folder); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, tempPrefix)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err := io.Copy(f, cancellable{ctx, r}); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(folder)
}

// makeFolder makes a folder below the store, and those above it, for good.
func (d *Dir) makeFolder(folder string) error {
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for folder != d.path {
		folder = filepath.Dir(folder)
		if err := syncFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

// Delete implements [Writer].
func (d *Dir) Delete(ctx context.Context, name string) error {
	if err := errors.Join(checkName(name), ctx.Err()); err != nil {
		return err
	}
	path := d.file(name)
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return nil
}

func (d *Dir) file(name string) string { return filepath.Join(d.path, filepath.FromSlash(name)) }

// syncFolder makes what happened to the names in a folder survive a crash.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// cancellable ends with its context.
type cancellable struct {
	ctx context.Context
	r   io.Reader
}

// Read implements [io.Reader].
func (c cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
