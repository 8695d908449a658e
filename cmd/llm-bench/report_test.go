package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	var b strings.Builder
	err := table{
		title: "title", head: []string{"", "n", "nobody knows", "µs"},
		rows: [][]string{{"long name", "1", "-", "-"}, {"x", "1,000", "-", "12 µs"}},
	}.write(&b)
	want := "title\n" +
		"                 n     µs\n" +
		"  long name      1      -\n" +
		"  x          1,000  12 µs\n\n"
	if err != nil || b.String() != want {
		t.Errorf("error %v, got:\n%s\nwant:\n%s", err, b.String(), want)
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{known(1234567.4).whole(), "1,234,567"},
		{known(999.6).whole(), "1,000"},
		{known(-1234).whole(), "-1,234"},
		{known(-123).whole(), "-123"},
		{figure{}.whole(), "-"},
		{known(380).added(), "+380"},
		{known(-1380).added(), "-1,380"},
		{known(-0.2).added(), "+0"},
		{figure{}.added(), "-"},
		{known(0.0984).percent(), "9.8 %"},
		{figure{}.percent(), "-"},
		{known(1.234).times(), "1.23 x"},
		{figure{}.times(), "-"},
		{known(91234).show(1e-3, 1), "91.2"},
		{count(int64(1000)), "1,000"},
		{megabytes(1 << 20), "1"},
		{megabytes(3<<19 - 1), "1"},
		{megabytes(0), "-"},
		{commandLine([]string{"llm-bench", "-modes", "", "-only", "a|b", "it's"}), `llm-bench -modes '' -only 'a|b' 'it'\''s'`},
		{cpuModel([]byte("processor\t: 0\nmodel name\t: Fast One @ 3 GHz\n")), "Fast One @ 3 GHz"},
		{cpuModel(nil), "unknown processor"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func sampleReport() *report {
	direct := &row{Scenario: "unary/64/instant", Lane: directLane, PerSecond: known(25000), OfDirect: known(1), P50: known(2000), P99: known(9000), AddedP50: known(0), ClientCPU: known(20), Requests: 50000}
	floor := &row{Scenario: "unary/64/instant", Lane: floorLane, PerSecond: known(2528), OfDirect: known(0.098), P50: known(10000), AddedP50: known(8000), P99: known(30000), AddedP99: known(21000), CPU: known(256), OfFloor: known(1), ClientCPU: known(33), Requests: 5000, Torn: 3}
	strict := &row{Scenario: "stream/64/instant", Lane: "strict", PerSecond: known(1000), OfDirect: known(0.5), First: known(900), AddedFirst: known(450), Events: known(66100), CPU: known(500), EngineCPU: known(31), Requests: 5000, Unsettled: 2}
	return &report{
		Command: []string{"llm-bench", "-dir", "bin"}, Rounds: 5, Seconds: 0.4, Rows: []*row{direct, floor, strict},
		Machine: machine{CPU: "Fast One", Cores: 2, Go: "go1.26.0", System: "linux/amd64", Load: "0.1 0.2 0.3", SyncCost: known(512.4)},
		Memory: []*memory{
			{Lane: floorLane, Idle: 8 << 20, Loaded: 32 << 20},
			{Lane: "strict", Idle: 60 << 20, Loaded: 100 << 20, EngineIdle: 200 << 20, EngineLoaded: 210 << 20, ReadyMS: known(1500), IdleCPU: known(0.02)},
		},
		Books: []*books{{
			Lane: "strict", Answers: 5000, Vendor: account{Requests: 5000, Input: 500000, Output: 640000},
			Hub: entry{account: account{Requests: 5000, Input: 500000, Output: 640000}, Attempts: 5000}, Verify: "ok",
		}},
		Problems: []string{"something was lost"},
	}
}

func TestReport(t *testing.T) {
	var b strings.Builder
	if err := sampleReport().write(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.txt", b.String())
}

func TestReportJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	if err := sampleReport().writeJSON(path); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Machine struct {
			Cores int `json:"cores"`
		} `json:"machine"`
		Rows []map[string]any `json:"rows"`
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got.Machine.Cores != 2 || len(got.Rows) != 3 || got.Rows[1]["cpu_us_per_request"] != 256.0 || got.Rows[0]["cpu_us_per_request"] != nil {
		t.Errorf("%+v", got)
	}
}
