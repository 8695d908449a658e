package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// A machine is where a report was made.
type machine struct {
	CPU      string    `json:"cpu"`
	Cores    int       `json:"cores"`
	Go       string    `json:"go"`
	System   string    `json:"system"`
	Load     string    `json:"load"`     // over 1, 5 and 15 minutes, before the bench
	SyncCost figure    `json:"fsync_us"` // of a page, where the hubs keep their data
	At       time.Time `json:"at"`
}

func thisMachine() machine {
	m := machine{Cores: runtime.NumCPU(), Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, At: time.Now().UTC()}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		m.CPU = cpuModel(b)
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load = strings.Join(strings.Fields(string(b))[:3], " ")
	}
	return m
}

// cpuModel finds the name of the processor; some have none.
func cpuModel(cpuinfo []byte) string {
	for line := range bytes.Lines(cpuinfo) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if ok && string(bytes.TrimSpace(name)) == "model name" {
			return string(bytes.TrimSpace(value))
		}
	}
	return "unknown processor"
}

// A report is all the bench found out.
type report struct {
	Command  []string  `json:"command"`
	Machine  machine   `json:"machine"`
	Rounds   int       `json:"rounds"`
	Seconds  float64   `json:"seconds_per_cell"`
	Rows     []*row    `json:"rows"`
	Memory   []*memory `json:"memory"`
	Books    []*books  `json:"books"`
	Problems []string  `json:"problems"`
}

func (r *report) writeJSON(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("flag -json: %w", err)
	}
	return nil
}

func (r *report) write(w io.Writer) error {
	m := r.Machine
	_, err := fmt.Fprintf(w, "%s\n%d cores (%s), %s, %s; load before: %s; write and fsync of 4 KiB: %s us\n"+
		"%d rounds of %g s a cell; clients, gateway and vendor share the machine; added = against direct in the same round, median of rounds\n\n",
		commandLine(r.Command), m.Cores, m.CPU, m.Go, m.System, m.Load, m.SyncCost.whole(), r.Rounds, r.Seconds)
	if err != nil {
		return err
	}
	for _, t := range r.tables() {
		if err := t.write(w); err != nil {
			return err
		}
	}
	for _, row := range r.Rows {
		if row.Unsettled == 0 {
			continue
		}
		_, err := fmt.Fprintf(w, "note: %s, %s: in %d rounds still busy %s after the load; its CPU is not complete\n",
			row.Scenario, row.Lane, row.Unsettled, quietLimit)
		if err != nil {
			return err
		}
	}
	for _, p := range r.Problems {
		if _, err := fmt.Fprintln(w, "FAILED:", p); err != nil {
			return err
		}
	}
	return nil
}

// commandLine writes a command as a shell takes it.
func commandLine(words []string) string {
	var quoted []string
	for _, w := range words {
		if w == "" || strings.ContainsAny(w, " \t\n'\"\\$`*?[]|&;<>()#~") {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		quoted = append(quoted, w)
	}
	return strings.Join(quoted, " ")
}

func (r *report) tables() []table {
	var tables []table
	for _, rows := range byScenario(r.Rows) {
		tables = append(tables, speedTable(rows))
	}
	if tables = append(tables, r.memoryTable()); len(r.Books) > 0 {
		tables = append(tables, r.bookTable())
	}
	return tables
}

// byScenario splits rows, which are in the order of their scenarios.
func byScenario(rows []*row) [][]*row {
	var groups [][]*row
	for i, r := range rows {
		if i == 0 || r.Scenario != rows[i-1].Scenario {
			groups = append(groups, nil)
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], r)
	}
	return groups
}

func speedTable(rows []*row) table {
	t := table{title: rows[0].Scenario, head: []string{
		"", "req/s", "of direct", "p50 us", "added", "p99 us", "added", "first byte us", "added", "k events/s",
		"CPU us/req", "of floor", "engine CPU", "client CPU", "requests", "failed", "torn",
	}}
	for _, r := range rows {
		added := func(f figure) string {
			if r.Lane == directLane {
				return unknownText
			}
			return f.added()
		}
		first, addedFirst := r.First, r.AddedFirst
		if !r.Events.known { // a unary answer comes in one piece
			first, addedFirst = figure{}, figure{}
		}
		t.rows = append(t.rows, []string{
			r.Lane, r.PerSecond.whole(), r.OfDirect.percent(), r.P50.whole(), added(r.AddedP50), r.P99.whole(), added(r.AddedP99),
			first.whole(), added(addedFirst), r.Events.show(1e-3, 1),
			r.CPU.whole(), r.OfFloor.times(), r.EngineCPU.whole(), r.ClientCPU.whole(), count(r.Requests), count(r.Failed), count(r.Torn),
		})
	}
	return t
}

func (r *report) memoryTable() table {
	t := table{title: "processes: memory in MB (engine: their children), time to ready, processor time when idle", head: []string{
		"", "idle", "loaded", "engine idle", "engine loaded", "ready ms", "idle CPU",
	}}
	for _, m := range r.Memory {
		t.rows = append(t.rows, []string{
			m.Lane, megabytes(m.Idle), megabytes(m.Loaded), megabytes(m.EngineIdle), megabytes(m.EngineLoaded), m.ReadyMS.whole(), m.IdleCPU.percent(),
		})
	}
	return t
}

func (r *report) bookTable() table {
	t := table{title: "books: what clients hold, what the vendor served, what the hub recorded", head: []string{
		"", "answers", "served", "recorded", "tokens served", "tokens recorded", "lost", "doubled", "drift tokens", "drift nano-USD", "verify",
	}}
	for _, b := range r.Books {
		t.rows = append(t.rows, []string{
			b.Lane, count(b.Answers), count(b.Vendor.Requests), count(b.Hub.Requests),
			count(b.Vendor.Input + b.Vendor.Output), count(b.Hub.Input + b.Hub.Output),
			count(b.Lost), count(b.Doubled), count(b.Tokens), count(b.Cost), b.Verify,
		})
	}
	return t
}
