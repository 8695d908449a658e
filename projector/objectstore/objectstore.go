package objectstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// ErrNotFound: there is no object of that name.
var ErrNotFound = errors.New("no such object")

// ErrNoBucket: the location names a bucket that is not there.
var ErrNoBucket = errors.New("no such bucket")

// Object is what a list tells of an object.
type Object struct {
	Name string `json:"name"`
	Size int64  `json:"size"` // in bytes
}

// Reader reads objects.
type Reader interface {
	// Get opens an object, or fails with [ErrNotFound]. An object that is cut short
	// on its way is an error of a read, never an early end.
	Get(ctx context.Context, name string) (io.ReadCloser, error)
	// List returns the objects whose names start with prefix, in the order of their names.
	List(ctx context.Context, prefix string) ([]Object, error)
}

// Writer writes objects.
type Writer interface {
	// Put keeps everything that r gives under name, in place of what was there. After
	// an error, also one of r, the object is what it was before.
	Put(ctx context.Context, name string, r io.Reader) error
	// Delete forgets an object; that there is none is no error.
	Delete(ctx context.Context, name string) error
}

// Store keeps objects. All its methods may be called at once.
type Store interface {
	Reader
	Writer
}

// Open opens a store by its location, see the package. env looks up variables, as
// [os.LookupEnv] does. Nothing is asked of the store yet, but a directory is made if
// it is not there.
func Open(location string, env func(string) (string, bool)) (Store, error) {
	if location == "" {
		return nil, errors.New("no location")
	}
	if strings.HasPrefix(location, "s3://") {
		return openS3(location, env)
	}
	if scheme, _, ok := strings.Cut(location, "://"); ok {
		return nil, fmt.Errorf("%s: %s is neither a directory nor s3", called(location), scheme)
	}
	return OpenDir(location)
}

// called is a location as an error may show it: without what might be credentials that
// somebody has put into it.
func called(location string) string {
	place, _, _ := strings.Cut(location, "?")
	if strings.Contains(place, "@") {
		return "location"
	}
	return fmt.Sprintf("location %q", place)
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$`)

// maxName is the longest name of an object in bytes: with a prefix it has to fit
// into what S3 takes, and each part into what file systems take.
const maxName = 255

// ValidName tells whether an object may be called name: parts of letters, digits and
// `._-` that do not begin with a dot, separated by slashes.
func ValidName(name string) bool { return len(name) <= maxName && namePattern.MatchString(name) }

func checkName(name string) error {
	if !ValidName(name) {
		return fmt.Errorf("object %q: not a valid name", name)
	}
	return nil
}
