package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
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
	return c.look(ctx, w, auditPath+"/export", nil, func(body io.Reader) error {
		return lines(body, func(line []byte) error { _, err := fmt.Fprintf(w.out, "%s\n", line); return err })
	})
}

// audit checks the chain of the control stream: of the hub, or of an export.
func (c *verifyCmd) audit(ctx context.Context, w world) error {
	var report control.AuditReport
	var err error
	if c.File != "" {
		report, err = verifyExport(c.File, c.Known)
	} else {
		q := url.Values{}
		set(q, "known", c.Known)
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
	} else {
		fmt.Fprintf(w.out, "broken: %s; the %d messages before are as they were written\n", report.Broken, report.Messages)
	}
	if !report.OK {
		return exitError(exitFailed)
	}
	return nil
}

// verifyExport checks a file that audit export wrote.
func verifyExport(path, known string) (control.AuditReport, error) {
	var report control.AuditReport
	var remembered []control.Known
	if known != "" {
		k, err := control.ParseKnown(known)
		if err != nil {
			return report, usageError{fmt.Errorf("--known: %w", err)}
		}
		remembered = append(remembered, k)
	}
	f, err := os.Open(path)
	if err != nil {
		return report, usageError{fmt.Errorf("--file: %w", err)}
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
	}, remembered...)
}
