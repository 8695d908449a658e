package vendors_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/gateway/provider/vendors"
)

func TestTable(t *testing.T) {
	kinds, variables := make(map[string]bool), make(map[string]bool)
	adapters := vendors.Adapters()
	for _, info := range vendors.List() {
		t.Run(info.Kind, func(t *testing.T) {
			if info.Kind == "" || info.Kind != strings.ToLower(info.Kind) || info.Title == "" || kinds[info.Kind] {
				t.Errorf("kind %q, title %q, twice %v", info.Kind, info.Title, kinds[info.Kind])
			}
			kinds[info.Kind] = true
			if got, ok := vendors.Lookup(info.Kind); !ok || got.Title != info.Title {
				t.Errorf("lookup gave %+v, %v", got, ok)
			}
			if adapters(info.Kind) == nil {
				t.Error("no adapter")
			}
			checkPlace(t, info)
			for _, name := range info.KeyEnv {
				if variables[name] {
					t.Errorf("%s is another kind's, too", name)
				}
				variables[name] = true
			}
		})
	}
}

func checkPlace(t *testing.T, info vendors.Info) {
	t.Helper()
	models := info.Models
	if info.Local {
		if len(info.KeyEnv) > 0 || models != (vendors.Defaults{}) {
			t.Errorf("a local vendor has keys %v or models %v", info.KeyEnv, models)
		}
	} else if info.Account.Proofs != nil {
		if len(info.KeyEnv) > 0 || info.Account.Environment == nil || info.Account.Authorizer == nil {
			t.Errorf("a cloud has keys %v or lacks functions", info.KeyEnv)
		}
	} else if len(info.KeyEnv) == 0 || models.Smart == "" || models.Fast == "" || models.Cheap == "" {
		t.Errorf("a hosted vendor has keys %v and models %v", info.KeyEnv, models)
	}
	if info.BaseURL == "" && (info.Local || info.Account.Address != nil) {
		return
	}
	u, err := url.Parse(info.BaseURL)
	switch {
	case err != nil || u.Host == "" || strings.HasSuffix(info.BaseURL, "/"):
		t.Errorf("base URL %q: %v", info.BaseURL, err)
	case info.Local && (u.Scheme != "http" || u.Hostname() != "127.0.0.1"), !info.Local && u.Scheme != "https":
		t.Errorf("base URL %q", info.BaseURL)
	}
}

func TestUnknownKind(t *testing.T) {
	if info, ok := vendors.Lookup("nobody"); ok {
		t.Errorf("found %+v", info)
	}
	if v := vendors.Adapters()("nobody"); v != nil {
		t.Errorf("found %T", v)
	}
}

// TestAdaptersAreCheap holds that a call of a vendor does not make the table anew.
func TestAdaptersAreCheap(t *testing.T) {
	adapters := vendors.Adapters()
	if n := testing.AllocsPerRun(100, func() { adapters("mistral") }); n > 0 {
		t.Errorf("%v allocations for each look-up", n)
	}
}
