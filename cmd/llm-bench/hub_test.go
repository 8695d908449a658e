package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		write(t, path, got)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -want +got:\n%s", name, diff)
	}
}

func TestHubConfig(t *testing.T) {
	var b strings.Builder
	err := hubConfig{
		Vendor: "http://127.0.0.1:4010/openai/v1", VendorKey: "async-dev", Key: `a "quoted" key`,
		Models: []model{scenario{}.model(), scenario{stream: true, slow: true}.model()},
	}.render(&b)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "hub.yaml", b.String())
}

func TestParseModes(t *testing.T) {
	for _, c := range []struct {
		in   string
		want string // names
		err  string
	}{
		{in: "", want: ""},
		{in: "strict", want: "strict"},
		{in: "strict/durable, async/dev,async,first-byte", want: "strict async-dev async first-byte"},
		{in: "fast", err: `"fast" is not strict`},
		{in: "strict,", err: `"" is not strict`},
		{in: "strict/ha", err: "dev or durable"},
		{in: "strict/", err: "dev or durable"},
		{in: "async,async/durable", err: "given twice"},
	} {
		modes, err := parseModes(c.in)
		var names []string
		for _, m := range modes {
			names = append(names, m.String())
		}
		if got := strings.Join(names, " "); got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: %q, error %v", c.in, got, err)
		}
	}
}

func TestScenarioNamesAndModelsAreDistinct(t *testing.T) {
	names, models := map[string]bool{}, map[string]model{}
	for _, s := range scenarios() {
		names[s.String()] = true
		m := s.model()
		if known, ok := models[m.logical]; ok && known != m {
			t.Errorf("%q stands for %q and %q", m.logical, m.vendor, known.vendor)
		}
		models[m.logical] = m
	}
	if len(names) != 8 || len(models) != 4 || !names["stream/64/50ms"] {
		t.Errorf("names %v, models %v", names, models)
	}
}

func TestRequestAsksForTheLanesModel(t *testing.T) {
	s := scenario{stream: true, slow: true, clients: 1}
	for _, c := range []struct {
		lane *lane
		want string
	}{
		{&lane{address: "a:1", key: "k"}, `"model":"bench-stream+latency=50ms"`},
		{&lane{address: "a:1", key: "k", hub: &hub{}}, `"model":"bench-stream-50ms"`},
	} {
		request, err := s.request(c.lane)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"Host: a:1\r\n", "Authorization: Bearer k\r\n", c.want, `"stream":true`} {
			if !strings.Contains(string(request), part) {
				t.Errorf("no %s in %s", part, request)
			}
		}
	}
}

func TestChildrensEnvironment(t *testing.T) {
	got := environment([]string{"PATH=/bin", "LLMHUB_NATS_URL=x", "LLMHUB_CLICKHOUSE_LIB=/l", "LLMHUB_DEMO=true"})
	if diff := cmp.Diff([]string{"PATH=/bin", "LLMHUB_CLICKHOUSE_LIB=/l"}, got); diff != "" {
		t.Error(diff)
	}
}
