package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/control"
)

type auditCmd struct {
	List   auditListCmd   `cmd:"" default:"withargs" help:"List changes, the newest first."`
	Export auditExportCmd `cmd:"" help:"Print every message of the control stream, for verify --audit --file."`
}

type auditListCmd struct {
	remote
	output
	Sort   string `help:"Only objects of this sort, like key."`
	Tenant string `help:"Only those of this tenant."`
	ID     string `name:"id" help:"Only the object with this id."`
	Actor  string `help:"Only what this one did."`
	Cause  string `help:"Only what was done this way, like apply or key.patch."`
	From   string `help:"Start (RFC 3339 or a date)."`
	To     string `help:"End, exclusive."`
	Limit  int    `help:"At most so many." default:"50"`
}

type auditExportCmd struct{ remote }

const auditPath = apiBase + "audit"

// Run lists changes.
func (c *auditListCmd) Run(ctx context.Context, w world) error {
	q := url.Values{}
	for name, value := range map[string]string{
		"sort": c.Sort, "tenant": c.Tenant, "id": c.ID, "actor": c.Actor, "cause": c.Cause, "from": c.From, "to": c.To, "limit": strconv.Itoa(c.Limit),
	} {
		set(q, name, value)
	}
	return c.look(ctx, w, auditPath, q, func(body io.Reader) error {
		raw, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		if c.Output == "json" {
			return printJSON(w.out, raw)
		}
		var page admin.AuditPage
		if err := json.Unmarshal(raw, &page); err != nil {
			return fmt.Errorf("answer %q: %w", raw, err)
		}
		for _, e := range page.Items {
			printEntry(w.out, e)
		}
		return nil
	})
}

func printEntry(w io.Writer, e admin.AuditEntry) {
	head := func(verb string) {
		fmt.Fprintf(w, "%d.%d %s %s %s by %s (%s)\n", e.Seq, e.Index, e.Logged.UTC().Format(time.RFC3339), e.Ref, verb, e.Actor, e.Cause)
	}
	switch {
	case e.Before == nil:
		head("made")
		fmt.Fprintf(w, "    %s\n", e.After)
	case e.After == nil:
		head("removed")
		fmt.Fprintf(w, "    %s\n", e.Before)
	default:
		head("set")
		for _, d := range e.Diff {
			fmt.Fprintf(w, "    %s: %s -> %s\n", d.Field, orNone(d.Before), orNone(d.After))
		}
	}
}

func orNone(v json.RawMessage) string {
	if v == nil {
		return "none"
	}
	return string(v)
}

// Run prints messages, a line each.
func (c *auditExportCmd) Run(ctx context.Context, w world) error {
	err := c.look(ctx, w, auditPath+"/export", nil, func(body io.Reader) error {
		return lines(body, func(line []byte) error { _, err := fmt.Fprintf(w.out, "%s\n", line); return err })
	})
	if err != nil {
		return err
	}
	return c.look(ctx, w, auditPath+"/key", nil, func(body io.Reader) error {
		var k admin.AuditKey
		if err := json.NewDecoder(body).Decode(&k); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w.err, "signed by %s; keep it elsewhere, for verify --audit --key\n", k.Key)
		return err
	})
}

// audit checks the chain of the control stream: of the hub, or of an export.
func (c *verifyCmd) audit(ctx context.Context, w world) error {
	var report control.AuditReport
	var err error
	if c.File != "" {
		report, err = c.verifyExport()
	} else {
		q := url.Values{}
		set(q, "known", c.Known)
		trust, wrong := c.trust()
		if wrong != nil {
			return wrong
		}
		for _, k := range trust.Keys {
			q.Add("key", base64.StdEncoding.EncodeToString(k))
		}
		err = c.exchange(ctx, w, message{method: http.MethodGet, path: auditPath + "/verify", query: q, logOnly: true}, func(body io.Reader) error {
			return json.NewDecoder(body).Decode(&report)
		})
	}
	if err != nil {
		return err
	}
	if c.Output == "json" {
		raw, err := json.Marshal(report)
		if err != nil {
			return err
		}
		if err := printJSON(w.out, raw); err != nil {
			return err
		}
	} else if report.OK {
		fmt.Fprintf(w.out, "ok: %d messages; the last is known as %d:%s\n", report.Messages, report.Messages, report.Hash)
		if report.Signed > 0 {
			fmt.Fprintf(w.out, "signed up to message %d by %s\n", report.Signed, strings.Join(report.Keys, ", "))
		}
	} else {
		fmt.Fprintf(w.out, "broken: %s; the %d messages before are as they were written\n", report.Broken, report.Messages)
	}
	if !report.OK {
		return exitError(exitFailed)
	}
	return nil
}

// verifyExport checks a file that audit export wrote.
func (c *verifyCmd) verifyExport() (control.AuditReport, error) {
	trust, err := c.trust()
	if err != nil {
		return control.AuditReport{}, err
	}
	f, err := os.Open(c.File)
	if err != nil {
		return control.AuditReport{}, usageError{fmt.Errorf("--file: %w", err)}
	}
	defer f.Close()
	d := json.NewDecoder(f)
	return control.VerifyAudit(func(uint64) ([]events.Command, error) {
		var m admin.AuditMessage
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			return nil, nil
		} else if err != nil {
			return nil, usageError{fmt.Errorf("--file: %w", err)}
		}
		return []events.Command{m.Command()}, nil
	}, trust)
}

// trust is what the flags say is known.
func (c *verifyCmd) trust() (t control.Trust, err error) {
	if c.Known != "" {
		k, err := control.ParseKnown(c.Known)
		if err != nil {
			return t, usageError{fmt.Errorf("--known: %w", err)}
		}
		t.Known = append(t.Known, k)
	}
	for _, text := range c.Key {
		if data, err := os.ReadFile(text); err == nil { // a file that has it
			text = strings.TrimSpace(string(data))
		}
		k, err := control.ParseKey(text)
		if err != nil {
			return t, usageError{fmt.Errorf("--key: %w", err)}
		}
		t.Keys = append(t.Keys, k)
	}
	return t, nil
}
