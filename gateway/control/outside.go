package control

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// What a value starts with that is not literal.
const (
	envPrefix  = "env:"
	filePrefix = "file:"
)

// maxOutside bounds a value that is read from a file, in bytes.
const maxOutside = 64 << 10

func isOutside(text string) bool {
	return strings.HasPrefix(text, envPrefix) || strings.HasPrefix(text, filePrefix)
}

// outside fetches values that are not written in the configuration itself.
type outside struct {
	env func(name string) (string, bool)
	dir string // relative paths start here
}

var envNames = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// fetch gives the value that ref, `env:NAME` or `file:PATH`, stands for, without
// the newline that ends a file. Its error never contains a value.
func (o outside) fetch(ref string) (string, error) {
	if name, ok := strings.CutPrefix(ref, envPrefix); ok {
		return o.variable(name)
	}
	return o.content(strings.TrimPrefix(ref, filePrefix))
}

func (o outside) variable(name string) (string, error) {
	if !envNames.MatchString(name) {
		return "", errors.New("what follows env: is not the name of an environment variable") // it may be a misplaced secret
	}
	var value string
	var set bool
	if o.env != nil {
		value, set = o.env(name)
	}
	switch {
	case !set:
		return "", fmt.Errorf("environment variable %s is not set", name)
	case value == "":
		return "", fmt.Errorf("environment variable %s is empty", name)
	}
	return value, nil
}

func (o outside) content(path string) (string, error) {
	if path == "" {
		return "", errors.New("file: names no file")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(o.dir, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("file %s: %w", path, cause(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxOutside+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("file %s: %w", path, cause(err))
	case len(data) > maxOutside:
		return "", fmt.Errorf("file %s has more than %d bytes", path, maxOutside)
	}
	text := strings.TrimRight(string(data), "\r\n")
	if text == "" {
		return "", fmt.Errorf("file %s is empty", path)
	}
	return text, nil
}

// cause drops the path that the caller names already.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
