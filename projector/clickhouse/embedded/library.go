package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ErrNoLibrary says that the engine's library is not there, or that this build cannot use it.
var ErrNoLibrary = errors.New("the ClickHouse engine library is missing; run `make engine`, name it with --clickhouse-lib, or use a server with --clickhouse-url")

// ErrUnsupported is the ErrNoLibrary of a build or platform without the engine.
var ErrUnsupported = fmt.Errorf("this build has no embedded ClickHouse engine (it needs linux/amd64 and no build tag noengine); use a server with --clickhouse-url: %w", ErrNoLibrary)

// libraryName is the library's file name; packagedLibrary its place in the source tree after `make engine`.
const (
	libraryName     = "libchdb.so"
	packagedLibrary = "deploy/engine/node_modules/@chdb/lib-linux-x64-gnu/" + libraryName
)

// FindLibrary finds the engine's library: at the explicit path if there is one and nowhere else, otherwise beside the
// executable, in lib of the data directory, then where the source tree of the executable's bin directory keeps it. The
// error, an ErrNoLibrary, says where it looked.
func FindLibrary(explicit, dataDir string) (string, error) {
	if !supported {
		return "", ErrUnsupported
	}
	places := []string{explicit}
	if explicit == "" {
		places = libraryPlaces(dataDir)
	}
	for _, place := range places {
		if info, err := os.Stat(place); err == nil && info.Mode().IsRegular() {
			return place, nil
		}
	}
	return "", fmt.Errorf("%w (looked at %s)", ErrNoLibrary, strings.Join(places, ", "))
}

func libraryPlaces(dataDir string) []string {
	var places []string
	executable, err := os.Executable()
	if err == nil {
		places = append(places, filepath.Join(filepath.Dir(executable), libraryName))
	}
	if dataDir != "" {
		places = append(places, filepath.Join(dataDir, "lib", libraryName))
	}
	if err == nil {
		places = append(places, filepath.Join(filepath.Dir(filepath.Dir(executable)), filepath.FromSlash(packagedLibrary)))
	}
	return places
}
