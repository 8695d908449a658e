package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// usageTotals asks /api/v1/usage, grouped, and adds the rows up.
func (h *hub) usageTotals(groupBy string) (input, output int64, err error) {
	q := url.Values{
		"from": {time.Now().Add(-24 * time.Hour).Format(time.RFC3339)}, "to": {time.Now().Add(time.Hour).Format(time.RFC3339)},
		"group_by": {groupBy},
	}
	var a struct {
		Rows []struct {
			Input  int64 `json:"input_tokens"`
			Output int64 `json:"output_tokens"`
		}
	}
	if err := getJSON(h.url+"/api/v1/usage?"+q.Encode(), h.token, &a); err != nil {
		return 0, 0, err
	}
	for _, r := range a.Rows {
		input += r.Input
		output += r.Output
	}
	return input, output, nil
}

// pagesTotals adds up the requests on all pages of /api/v1/requests.
func (h *hub) pagesTotals() (input, output int64, err error) {
	q := url.Values{"limit": {"37"}}
	for {
		var a struct {
			Next string
			Rows []struct {
				Amounts struct {
					Input  int64 `json:"input_tokens"`
					Output int64 `json:"output_tokens"`
				}
			}
		}
		if err := getJSON(h.url+"/api/v1/requests?"+q.Encode(), h.token, &a); err != nil {
			return 0, 0, err
		}
		for _, r := range a.Rows {
			input += r.Amounts.Input
			output += r.Amounts.Output
		}
		if a.Next == "" {
			return input, output, nil
		}
		q.Set("cursor", a.Next)
	}
}

// drained waits until every fold has everything.
func (h *hub) drained() {
	h.t.Helper()
	eventually(h.t, settleTimeout, "folds have caught up", func() error {
		var s struct {
			Log              struct{ Last uint64 }
			Counters, Tables struct{ Seq uint64 }
		}
		if err := getJSON(h.url+"/api/v1/status", h.token, &s); err != nil {
			return err
		}
		if s.Counters.Seq < s.Log.Last || s.Tables.Seq < s.Log.Last {
			return fmt.Errorf("log at %d, counters at %d, tables at %d", s.Log.Last, s.Counters.Seq, s.Tables.Seq)
		}
		return nil
	})
}

// load makes n requests over the models, by eight clients, half of them streams.
func (h *hub) load(n int, seed uint64, models []string) []answer {
	h.t.Helper()
	answers := make([]answer, n)
	jobs := make(chan int)
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for i := range jobs {
				rng := rand.New(rand.NewPCG(seed, uint64(i)))
				model := models[rng.IntN(len(models))]
				text := fmt.Sprintf("request %d says %s", i, strings.Repeat("word ", rng.IntN(40)))
				// A whole answer that is cut cannot be counted by anybody but the vendor: see call's own tests.
				stream := rng.IntN(2) == 0 || strings.HasPrefix(model, "cut-")
				a, err := h.chat(context.Background(), model, stream, text)
				if err != nil {
					a.failed = true
				}
				answers[i] = a
			}
		})
	}
	for i := range n {
		jobs <- i
	}
	close(jobs)
	clients.Wait()
	return answers
}

// TestDemo is a user's first hour: the demo comes up, answers, survives a restart,
// and its books agree with what the vendors say they served, to the token.
func TestDemo(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	h := startHub(t, data, "--demo")
	_, rest, _ := strings.Cut(h.out.String(), "Authorization: Bearer ")
	key, _, _ := strings.Cut(rest, "'")
	if !strings.HasPrefix(key, "lh_") {
		t.Fatalf("no key in the curl line:\n%s", h.out)
	}
	ask := func(model string) int {
		req, err := http.NewRequest(http.MethodPost, h.url+"/v1/chat", strings.NewReader(
			`{"model":"`+model+`","messages":[{"role":"user","content":"Hello"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	for _, model := range []string{"smart", "fast", "cheap", "any"} {
		if status := ask(model); status != http.StatusOK {
			t.Errorf("%s: status %d", model, status)
		}
	}
	if err := h.interrupt(); err != nil {
		t.Fatalf("Ctrl-C: %v\n%s", err, h.out)
	}
	if _, err := os.Stat(filepath.Join(data, "server.json")); err == nil {
		t.Error("server.json is still there after the stop")
	}
	verified(t, data) // without a server

	h = startHub(t, data, "--demo")
	if status := ask("smart"); status != http.StatusOK {
		t.Errorf("after the restart: status %d", status)
	}
	h.drained()
	out, code := command(t, "export", "usage", "--data", data, "--from", time.Now().Add(-time.Hour).Format(time.RFC3339),
		"--to", time.Now().Add(time.Hour).Format(time.RFC3339), "--format", "json")
	var usage struct{ Rows []struct{ Requests int64 } }
	if err := json.Unmarshal([]byte(out), &usage); code != 0 || err != nil || len(usage.Rows) != 1 || usage.Rows[0].Requests != 5 {
		t.Errorf("export after the restart: exit %d, %v: %s", code, err, out)
	}
	verified(t, data)
	var list struct{ Rows []struct{ ID string } }
	if err := getJSON(h.url+"/api/v1/requests", h.token, &list); err != nil || len(list.Rows) != 5 {
		t.Fatalf("%d requests, %v", len(list.Rows), err)
	}
	if live := h.tailed(5); live[4] != list.Rows[0].ID {
		t.Errorf("the live tail shows %v, the newest page %v", live, list.Rows)
	}
	for format, want := range map[string]string{"jsonl": list.Rows[0].ID, "csv": "id,admitted_at,", "parquet": "PAR1"} {
		out, code := command(t, "export", "requests", "--data", data, "--from", time.Now().Add(-time.Hour).Format(time.RFC3339),
			"--to", time.Now().Add(time.Hour).Format(time.RFC3339), "--format", format, "--where", "model=smart,fast,cheap,any;outcome=completed")
		if code != 0 || !strings.Contains(out, want) || format == "jsonl" && strings.Count(out, "\n") != 5 {
			t.Errorf("export requests as %s: exit %d: %s", format, code, out)
		}
		if job, code := command(t, "export", "requests", "--job", "--data", data, "--from", time.Now().Add(-time.Hour).Format(time.RFC3339),
			"--to", time.Now().Add(time.Hour).Format(time.RFC3339), "--format", format, "--where", "model=smart,fast,cheap,any;outcome=completed"); code != 0 || job != out && format != "parquet" {
			t.Errorf("in the background: exit %d: %s", code, job)
		}
	}
	out, code = command(t, "reprice", "-o", "json", "--data", data, "--from", time.Now().Add(-time.Hour).Format(time.RFC3339), "--to", time.Now().Add(time.Hour).Format(time.RFC3339))
	var repriced struct {
		Totals struct {
			Attempts   int64
			Billed     int64 `json:"billed_nano_usd"`
			Difference int64 `json:"difference_nano_usd"`
		}
	}
	if err := json.Unmarshal([]byte(out), &repriced); code != 0 || err != nil || repriced.Totals.Attempts != 5 || repriced.Totals.Difference != 0 {
		t.Errorf("by the same prices: exit %d, %v: %s", code, err, out)
	}
	told(t, data, list.Rows[0].ID)
	if err := h.interrupt(); err != nil {
		t.Fatal(err)
	}
	told(t, data, list.Rows[4].ID) // without a server
}

// tailed follows the log from its beginning until it has shown n requests.
func (h *hub) tailed(n int) (ids []string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+"/api/v1/requests/stream?outcome=completed&after=1.0", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for len(ids) < n && lines.Scan() {
		var row struct{ ID string }
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if ok && json.Unmarshal([]byte(data), &row) == nil {
			ids = append(ids, row.ID)
		}
	}
	if len(ids) < n {
		h.t.Fatalf("the live tail shows %v and ends: %v", ids, lines.Err())
	}
	return ids
}

// told asks for a request's story, and for its routing decision, taken again.
func told(t *testing.T, data, id string) {
	t.Helper()
	out, code := command(t, "request", "show", id, "--data", data)
	for _, part := range []string{id + " of demo: completed", "attempt 1: ", "charged: ", "request.admitted", "request.finished"} {
		if code != 0 || !strings.Contains(out, part) {
			t.Errorf("request show: exit %d, without %q:\n%s", code, part, out)
		}
	}
	out, code = command(t, "request", "why", id, "--data", data)
	if code != 0 || !strings.Contains(out, "same plan: true") {
		t.Errorf("request why: exit %d:\n%s", code, out)
	}
	if out, code := command(t, "request", "show", "nothing", "--data", data); code != 1 || out != "" {
		t.Errorf("request show of nothing: exit %d:\n%s", code, out)
	}
}

// TestBooksAgreeWithVendor makes 200 mixed requests over three wire formats with
// injected 429, 500, 529 and cuts: verify says ok, usage equals the vendor's own
// ledger to the token, and a rebuild from the first event gives the same books.
func TestBooksAgreeWithVendor(t *testing.T) {
	t.Parallel()
	v := startVendor(t)
	h := startHub(t, t.TempDir(), serveArgs(t, v)...)
	models := []string{
		"fake-openai", "fake-anthropic", "fake-gemini", "limited", "broken", "flaky", "cut-openai", "cut-anthropic", "cut-gemini",
		"details-openai", "details-anthropic", "details-gemini", "nousage-openai",
	}
	answers := h.load(200, 1, models)
	complete := 0
	for _, a := range answers {
		if a.complete {
			complete++
		}
		if a.complete == a.failed {
			t.Errorf("an answer must be complete or failed: %+v", a)
		}
	}
	t.Logf("%d of %d answers complete", complete, len(answers))
	h.drained()
	verified(t, h.data)

	ledger := readLedger(t, v.url)
	accounts := books(t, h.data)
	for id, want := range servedByRequest(ledger) {
		if got := accounts[id]; got == nil || got.input != want.Input || got.output != want.Output {
			t.Errorf("request %s: booked %+v, the vendor served %+v", id, got, want)
		}
	}
	for _, by := range []string{"hour", "model", "provider", "key,day"} {
		input, output, err := h.usageTotals(by)
		if err != nil {
			t.Fatal(err)
		}
		if input != ledger.Totals.Input || output != ledger.Totals.Output {
			t.Errorf("usage by %s: %d in, %d out; the vendor served %d in, %d out", by, input, output, ledger.Totals.Input, ledger.Totals.Output)
		}
	}

	if input, output, err := h.pagesTotals(); err != nil || input != ledger.Totals.Input || output != ledger.Totals.Output {
		t.Errorf("all pages of requests: %d in, %d out, %v; the vendor served %d in, %d out", input, output, err, ledger.Totals.Input, ledger.Totals.Output)
	}

	before, _, err := h.usageTotals("model")
	if err != nil {
		t.Fatal(err)
	}
	if out, code := command(t, "rebuild", "--data", h.data); code != 0 {
		t.Fatalf("rebuild: exit %d\n%s", code, out)
	}
	verified(t, h.data)
	if after, _, err := h.usageTotals("model"); err != nil || after != before {
		t.Errorf("after the rebuild: %d input tokens, %v; before %d", after, err, before)
	}
}
