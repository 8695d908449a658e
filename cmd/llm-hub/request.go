package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/projector/replay"
)

type requestCmd struct {
	Show requestShowCmd `cmd:"" help:"Tell everything that the log holds about one request."`
	Why  requestWhyCmd  `cmd:"" help:"Tell why a request went where it went, and take the decision again."`
}

type requestShowCmd struct {
	remote
	ID     string `arg:"" help:"The request's id, as in x-request-id."`
	Output string `short:"o" help:"text or json." default:"text" enum:"text,json"`
}

type requestWhyCmd struct {
	remote
	ID     string `arg:"" help:"The request's id, as in x-request-id."`
	Output string `short:"o" help:"text or json." default:"text" enum:"text,json"`
}

// Run prints a request's story.
func (c *requestShowCmd) Run(ctx context.Context, w world) error {
	return c.call(ctx, w, http.MethodGet, "/api/v1/requests/"+url.PathEscape(c.ID), nil, func(body io.Reader) error {
		raw, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		if c.Output == "json" {
			return printJSON(w.out, raw)
		}
		var s replay.Story
		if err := json.Unmarshal(raw, &s); err != nil {
			return fmt.Errorf("request: %w", err)
		}
		return printStory(w.out, s)
	})
}

// Run prints a decision.
func (c *requestWhyCmd) Run(ctx context.Context, w world) error {
	return c.call(ctx, w, http.MethodGet, "/api/v1/requests/"+url.PathEscape(c.ID)+"/decision", nil, func(body io.Reader) error {
		raw, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		if c.Output == "json" {
			return printJSON(w.out, raw)
		}
		var y admin.Why
		if err := json.Unmarshal(raw, &y); err != nil {
			return fmt.Errorf("decision: %w", err)
		}
		fmt.Fprintf(w.out, "%s asked for %s at %s\n", y.Request, y.Model, y.At.Format(time.RFC3339Nano))
		printDecision(w.out, "chosen", y.Decision)
		if y.Again != nil {
			printDecision(w.out, "again", *y.Again)
		}
		if y.Note != "" {
			fmt.Fprintln(w.out, y.Note)
		}
		_, err = fmt.Fprintf(w.out, "same plan: %t\n", y.Same)
		return err
	})
}

func printDecision(w io.Writer, what string, d events.Decision) {
	fmt.Fprintf(w, "%s: %s, catalog %s, seed %d\n", what, d.Strategy, d.Catalog, d.Seed)
	for i, t := range d.Plan {
		fmt.Fprintf(w, "  %d. %s\n", i+1, targetText(t))
	}
	for _, s := range d.Skipped {
		until := ""
		if !s.Until.IsZero() {
			until = " until " + s.Until.Format(time.RFC3339Nano)
		}
		fmt.Fprintf(w, "  not %s: %s%s\n", targetText(s.Target), s.Reason, until)
	}
}

func targetText(t events.Target) string { return t.Provider + "/" + t.Credential + " " + t.Model }

// printStory writes a request's story for people: what it came to, each attempt,
// and each event with the time since the first.
func printStory(w io.Writer, s replay.Story) error {
	fmt.Fprintf(w, "%s of %s: %s\n", s.Request, s.Tenant, s.State)
	if a := s.Admission; a != nil {
		fmt.Fprintf(w, "%s %s, key %s, user %q, stream %t, admitted %s\n", a.Endpoint, a.Model, a.Key, a.User, a.Stream, s.Admitted.Format(time.RFC3339Nano))
		printDecision(w, "plan", a.Decision)
	}
	if r := s.Rejection; r != nil {
		printRejection(w, s, r)
	}
	for _, a := range s.Attempts {
		fmt.Fprintf(w, "attempt %d: %s", a.N, targetText(a.Target))
		if a.Failed != nil {
			fmt.Fprintf(w, ": %s, status %d, after %s", a.Failed.Class, a.Failed.Status, time.Duration(a.Failed.TotalNS).Round(time.Microsecond))
		}
		if a.Limited != nil {
			fmt.Fprintf(w, ", cooling down until %s", a.Limited.Until.Format(time.RFC3339Nano))
		}
		fmt.Fprintln(w)
		if a.Usage != nil {
			printLines(w, a.Usage.Charge)
		}
	}
	for _, fix := range s.Fixes {
		fmt.Fprintf(w, "corrected attempt %d: %s\n", fix.Attempt, fix.Reason)
		printLines(w, fix.Delta)
	}
	fmt.Fprintf(w, "charged: %d tokens in, %d out, $%s", s.Charged.Usage.InputTotal(), s.Charged.Usage.OutputTotal(), accounting.FormatUSD(s.Charged.CostNanoUSD))
	if s.Charged.Unpriced != 0 {
		fmt.Fprintf(w, ", and %d records without a price", s.Charged.Unpriced)
	}
	fmt.Fprintln(w)
	var first time.Time
	for _, r := range s.Events {
		var e events.Event
		if err := json.Unmarshal(r.Event, &e); err != nil {
			return fmt.Errorf("event %d.%d: %w", r.Seq, r.Index, err)
		}
		if first.IsZero() {
			first = e.At
		}
		fmt.Fprintf(w, "%d.%d +%s %s\n", r.Seq, r.Index, e.At.Sub(first).Round(time.Microsecond), e.Kind)
	}
	return nil
}

func printLines(w io.Writer, c events.Charge) {
	for _, l := range c.Lines {
		fmt.Fprintf(w, "  %-16s %d at $%s a million: $%s\n", l.Class, l.Units, accounting.FormatUSD(l.NanoPerMillion), accounting.FormatUSD(l.CostNanoUSD))
	}
	if c.CostNanoUSD == nil {
		fmt.Fprintf(w, "  without a price: %d tokens\n", c.Usage.Total())
	}
}

func printRejection(w io.Writer, s replay.Story, r *events.RequestRejected) {
	fmt.Fprintf(w, "%s %s, key %s, user %q, refused %s: %s", r.Endpoint, r.Model, r.Key, r.User, s.Admitted.Format(time.RFC3339Nano), r.Reason)
	if r.Status != 0 {
		fmt.Fprintf(w, " (%d)", r.Status)
	}
	if l := r.Limit; l != nil {
		fmt.Fprintf(w, ", %s: %s of %s used", l.Name(), amountText(accounting.Of(l.Of), l.Used), amountText(accounting.Of(l.Of), l.Max))
		if !l.ResetAt.IsZero() {
			fmt.Fprintf(w, ", resets %s", l.ResetAt.Format(time.RFC3339))
		}
	}
	if r.Count > 1 {
		fmt.Fprintf(w, "; with %d more alike", r.Count-1)
	}
	fmt.Fprintln(w)
}

// story tells everything about a request, from the log; where there are tables
// they say where to look.
func (h *localHub) story(ctx context.Context, scope admin.Scope, id events.RequestID) (admin.RequestStory, error) {
	var hint replay.Hint
	if h.stores.tables != nil {
		// Without an answer the log is read from where the request can have begun.
		if p, err := h.questions().Place(ctx, scopeOf(scope), id); err == nil && p.Tenant != "" {
			hint = replay.Hint{Tenant: p.Tenant, Last: p.Last, Known: p.AsOf.Seq}
		}
	}
	s, err := replay.Tell(ctx, h.stores.whole, id, hint)
	switch {
	case errors.Is(err, replay.ErrNoRequest), err == nil && !scope.Sees(s.Tenant, userOf(s)):
		return admin.RequestStory{}, &gateway.Error{Kind: gateway.NotFound, Public: "The log knows no request of this id.", Cause: err}
	case err != nil:
		return admin.RequestStory{}, toOperator(err)
	}
	return admin.RequestStory{Story: s, Admitted: s.Admission, At: s.Admitted}, nil
}

// userOf is the user a request was made for, empty if there was none.
func userOf(s replay.Story) string {
	switch {
	case s.Admission != nil:
		return s.Admission.User
	case s.Rejection != nil:
		return s.Rejection.User
	}
	return ""
}
