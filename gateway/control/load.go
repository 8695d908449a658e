package control

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

// Kind is a row of the vendor table, as far as configuration needs it.
type Kind struct {
	Name    string
	BaseURL string   // empty: must be configured
	EnvKeys []string // usual environment variables of its key, the first that is set wins
	NoKey   bool     // the vendor takes calls without a key
	Models  Tiers    // for derived logical models
	Account provider.Account
}

// Tiers are a vendor's models behind derived logical models; empty where it has none.
type Tiers struct{ Smart, Fast, Cheap string }

// Loader reads configurations. What it needs from outside the configuration is passed in.
type Loader struct {
	Env    func(name string) (string, bool) // the environment; nil: empty
	Kinds  []Kind                           // the vendor table
	Prices *accounting.Book                 // what settings.prices stand before; must be set

	authorizers authorizers
}

// Notice is something that the operator should be told once.
type Notice struct {
	Text string
	Key  Secret // a virtual key that was just generated, else empty; never log it
}

// Load reads a configuration file. See [Loader.Parse].
func (l *Loader) Load(path string) (*Wanted, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return l.Parse(data, path)
}

// Parse reads a configuration. name stands for it in errors, and relative paths
// in it start at name's directory. Its error holds every mistake found, see
// [Mistakes].
func (l *Loader) Parse(data []byte, name string) (*Wanted, error) {
	d := &document{
		name: name, places: map[string]place{},
		outside: outside{env: l.Env, dir: filepath.Dir(name)},
	}
	d.read(data)
	return l.finish(d)
}

func kindNames(kinds []Kind) []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.Name
	}
	slices.Sort(names)
	return names
}

func findKind(kinds []Kind, name string) (Kind, bool) {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return kinds[i], true
}
