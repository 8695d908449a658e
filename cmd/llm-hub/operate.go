package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/llm-hub/llm-hub/gateway/admin"
)

// Run prints the events of a range of the log, or applies dead letters again.
func (c *replayCmd) Run(ctx context.Context, w world) error {
	if c.Apply {
		return c.apply(ctx, w)
	}
	q := url.Values{}
	set(q, "from", c.From)
	set(q, "to", c.To)
	set(q, "tenant", c.Tenant)
	set(q, "request", c.Request)
	set(q, "kind", c.Kind)
	if c.DeadLetters {
		q.Set("dead_letters", "true")
	}
	print := func(line []byte) error { _, err := fmt.Fprintf(w.out, "%s\n", line); return err }
	if c.Format == "text" {
		print = func(line []byte) error { return printEvent(w.out, line) }
	}
	ticks := ticker{out: w.err, next: time.Now().Add(tickEvery)}
	m := message{method: http.MethodGet, path: "/api/v1/events", query: q, logOnly: true}
	return c.exchange(ctx, w, m, func(body io.Reader) error {
		return lines(body, func(line []byte) error { ticks.line(line); return print(line) })
	})
}

// tickEvery is how often a long answer says how far it is.
const tickEvery = 2 * time.Second

// ticker says how far a long answer is, beside it.
type ticker struct {
	out   io.Writer
	lines int
	next  time.Time
}

func (t *ticker) line(line []byte) {
	t.lines++
	now := time.Now()
	if now.Before(t.next) {
		return
	}
	t.next = now.Add(tickEvery)
	var at struct {
		Seq uint64 `json:"seq"`
	}
	if json.Unmarshal(line, &at) == nil {
		fmt.Fprintf(t.out, `{"what":"replay","seq":%d,"lines":%d}`+"\n", at.Seq, t.lines)
	}
}

func (c *replayCmd) apply(ctx context.Context, w world) error {
	if !c.DeadLetters || c.Tenant+c.Request+c.Kind != "" {
		return usageError{errors.New("--apply: is for --dead-letters, chosen by --from and --to only")}
	}
	q := url.Values{}
	set(q, "from", c.From)
	set(q, "to", c.To)
	return c.call(ctx, w, http.MethodPost, "/api/v1/dead-letters/apply", q, func(body io.Reader) error {
		result, err := readResult(body, func(json.RawMessage) {})
		if err != nil {
			return err
		}
		return printJSON(w.out, result)
	})
}

// Run exits 1 if anything differs.
func (c *verifyCmd) Run(ctx context.Context, w world) error {
	if c.Audit {
		return c.audit(ctx, w)
	}
	if c.File != "" || c.Known != "" {
		return usageError{errors.New("--file, --known: are for --audit")}
	}
	var result json.RawMessage
	err := c.call(ctx, w, http.MethodPost, "/api/v1/verify", nil, func(body io.Reader) error {
		var err error
		result, err = readResult(body, func(progress json.RawMessage) { fmt.Fprintf(w.err, "%s\n", progress) })
		return err
	})
	if err != nil {
		return err
	}
	var report verifyReport
	if err := json.Unmarshal(result, &report); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if c.Output == "json" {
		err = printJSON(w.out, result)
	} else {
		err = report.print(w.out)
	}
	if err == nil && !report.OK {
		return exitError(exitFailed)
	}
	return err
}

// Run makes counters and tables anew.
func (c *rebuildCmd) Run(ctx context.Context, w world) error {
	what := "all"
	switch {
	case c.Counters && !c.Tables:
		what = "counters"
	case c.Tables && !c.Counters:
		what = "tables"
	}
	m := message{method: http.MethodPost, path: "/api/v1/rebuild", query: url.Values{"what": {what}}, logOnly: what == "counters"}
	return c.exchange(ctx, w, m, func(body io.Reader) error {
		result, err := readResult(body, func(progress json.RawMessage) { fmt.Fprintf(w.err, "%s\n", progress) })
		if err != nil {
			return err
		}
		return printJSON(w.out, result)
	})
}

// Run asks /readyz; unlike the other commands it never opens a data directory.
func (c *healthcheckCmd) Run(ctx context.Context, w world) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	find := c.running
	if c.Address != "" {
		find = func() (*connection, error) { return connectTo(c.Address, c.Token) }
	}
	hub, err := find()
	if err != nil {
		return err
	}
	resp, err := hub.do(ctx, http.MethodGet, "/readyz", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(w.out, resp.Body)
	return err
}

// call connects, makes one call and hands the answer over.
func (r *remote) call(ctx context.Context, w world, method, path string, q url.Values, read func(io.Reader) error) error {
	return r.exchange(ctx, w, message{method: method, path: path, query: q}, read)
}

// look asks for what is configured.
func (r *remote) look(ctx context.Context, w world, path string, q url.Values, read func(io.Reader) error) error {
	return r.exchange(ctx, w, message{method: http.MethodGet, path: path, query: q, logOnly: true}, read)
}

// exchange connects, makes one call and hands the answer over.
func (r *remote) exchange(ctx context.Context, w world, m message, read func(io.Reader) error) (err error) {
	hub, err := r.connect(ctx, w, m.logOnly)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := hub.close(); err == nil {
			err = closeErr
		}
	}()
	resp, err := hub.send(ctx, m)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if since, err := time.Parse(time.RFC3339, resp.Header.Get(admin.KeptSinceHeader)); err == nil {
		defer warnKept(w, since)
	}
	return read(resp.Body)
}

// warnKept says that what was asked for began before what is kept; of the zero time nothing.
func warnKept(w world, since time.Time) {
	if !since.IsZero() {
		fmt.Fprintf(w.err, "warning: what was admitted before %s is not in it: settings.retention keeps no more (llm-hub rebuild --tables after it is longer brings it back)\n", since.Format(time.RFC3339))
	}
}

// readResult reads the reports of a job and its result.
func readResult(body io.Reader, progress func(json.RawMessage)) (json.RawMessage, error) {
	var result json.RawMessage
	err := lines(body, func(line []byte) error {
		var m struct{ Progress, Result json.RawMessage }
		if err := json.Unmarshal(line, &m); err != nil {
			return fmt.Errorf("answer %q: %w", line, err)
		}
		if m.Progress != nil {
			progress(m.Progress)
		}
		if m.Result != nil {
			result = bytes.Clone(m.Result)
		}
		return nil
	})
	if err == nil && result == nil {
		err = fmt.Errorf("the answer ended without a result: %w", io.ErrUnexpectedEOF)
	}
	return result, err
}

func printJSON(w io.Writer, raw json.RawMessage) error {
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, out.String())
	return err
}

func set(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}
