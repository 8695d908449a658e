package alerts

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// Stream keeps alerts.
type Stream interface {
	// RaiseAlert keeps e unless the stream holds an alert of that id; raised tells.
	RaiseAlert(ctx context.Context, id string, e events.Event) (raised bool, err error)
}

// alert is something to be raised.
type alert struct {
	id     string // says what it is about, and nothing else
	tenant events.TenantID
	body   events.AlertRaised
}

// event is the alert as it is kept.
func (a alert) event(by events.NodeID, at time.Time) events.Event {
	body, _ := json.Marshal(a.body) // numbers, strings and times always encode
	kind := a.body.Kind()
	return events.Event{
		ID:   events.ID(fmt.Sprintf("%s:%s:%s", by, kind, a.id)),
		Kind: kind, V: 1, At: at.UTC(), Node: by, Tenant: a.tenant, Body: body,
	}
}

// idOf makes an alert's id of its name and of what tells it from others.
func idOf(name events.AlertName, parts ...string) string {
	return strings.Join(append([]string{string(name)}, parts...), ".")
}

// tenantOf is the tenant that a scope belongs to.
func tenantOf(s accounting.Scope) events.TenantID {
	if s.Sharded() {
		return events.NoTenant
	}
	tenant, _, _ := strings.Cut(s.ID, "/")
	return events.TenantID(tenant)
}

// hourOf names the hour of t in ids of what is told once an hour at most.
func hourOf(t time.Time) string { return accounting.WindowAt(t.UTC(), accounting.Hour).Label }

func limitAlert(s accounting.Scope, l accounting.Limit, w accounting.Window, used int64, percent int) alert {
	subject := fmt.Sprintf("%s %s", s.Kind, s.ID)
	window := string(l.Per)
	if w.Label != "" {
		window += " " + w.Label
	}
	return alert{
		id:     idOf(events.LimitAlert, string(s.Kind), s.ID, string(l.Per), string(l.Of), w.Label, fmt.Sprint(percent)),
		tenant: tenantOf(s),
		body: events.AlertRaised{
			Name: events.LimitAlert, Subject: subject, Percent: percent, Window: w.Label,
			Text: fmt.Sprintf("%s has used %d %% of its %s limit: %s of %s (%s)",
				subject, percent, l.Mode, amount(l.Of, used), amount(l.Of, l.Max), window),
			Limit: &events.Limit{Scope: string(s.Kind), Per: string(l.Per), Of: string(l.Of), Max: l.Max, Used: used},
		},
	}
}

// amount is a number of what a limit counts, for people.
func amount(of accounting.Of, n int64) string {
	if of == accounting.OfCost {
		return "$" + accounting.FormatUSD(n)
	}
	return fmt.Sprintf("%d %s", n, strings.ReplaceAll(string(of), "_", " "))
}

func unpricedAlert(t events.Target, day string) alert {
	subject := t.Provider + "/" + t.Model
	return alert{
		id:     idOf(events.UnpricedAlert, url.PathEscape(t.Provider), url.PathEscape(t.Model), day),
		tenant: events.NoTenant,
		body: events.AlertRaised{
			Name: events.UnpricedAlert, Subject: subject,
			Text: fmt.Sprintf("%s was used and has no price: its cost is not known, and no budget counts it (%s)", events.OneLine(subject), day),
		},
	}
}

func lagAlert(fold string, lag time.Duration, at time.Time) alert {
	hour := hourOf(at)
	return alert{
		id: idOf(events.LagAlert, fold, hour), tenant: events.NoTenant,
		body: events.AlertRaised{
			Name: events.LagAlert, Subject: fold,
			Text: fmt.Sprintf("%s are %s behind the log (%s)", fold, lag.Round(time.Second), hour),
		},
	}
}

func deadAlert(p events.Partition, n int, latest events.DeadLetter) alert {
	hour := hourOf(latest.Time)
	return alert{
		id: idOf(events.DeadAlert, p.String(), hour), tenant: events.NoTenant,
		body: events.AlertRaised{
			Name: events.DeadAlert, Subject: "partition " + p.String(),
			Text: fmt.Sprintf("partition %s: %d events could not be applied (%s), the latest is dead letter %d", p, n, hour, latest.Seq),
		},
	}
}

// Drift is what a verification found.
type Drift struct {
	Differences int
	CostNanoUSD int64 // sum of the absolute differences
	Tokens      int64 // sum of the absolute differences
	Seq         uint64
}

func driftAlert(d Drift, at time.Time) alert {
	hour := hourOf(at)
	return alert{
		id: idOf(events.DriftAlert, hour), tenant: events.NoTenant,
		body: events.AlertRaised{
			Name: events.DriftAlert, Subject: "books",
			Text: fmt.Sprintf("the books are not what the log says: %d differences, $%s and %d tokens, up to sequence %d (%s)",
				d.Differences, accounting.FormatUSD(d.CostNanoUSD), d.Tokens, d.Seq, hour),
		},
	}
}
