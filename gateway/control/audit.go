package control

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Entry is one change of the configuration, as the audit shows it.
type Entry struct {
	Seq     uint64           `json:"seq"`   // of its message in the control stream
	Index   int              `json:"index"` // in the message, from 0
	At      time.Time        `json:"at"`    // clock of the node that took the command
	Logged  time.Time        `json:"logged"`
	Node    events.NodeID    `json:"node"`
	Request events.RequestID `json:"request"`
	Actor   string           `json:"actor"`
	Cause   string           `json:"cause"`
	Origin  string           `json:"origin"`
	Kind    events.Kind      `json:"kind"`
	Ref
	Before json.RawMessage `json:"before,omitempty"` // absent: there was none
	After  json.RawMessage `json:"after,omitempty"`  // absent: removed
}

// AuditFilter says which entries are wanted. Empty fields are all.
type AuditFilter struct {
	Sort     events.Sort
	Tenant   events.TenantID
	ID       string
	Actor    string
	Cause    string
	From, To time.Time // of Logged; To is exclusive
	Before   Position  // only older ones; zero: from the newest on
	Limit    int       // at least 1
}

// Position is where an entry stands.
type Position struct {
	Seq   uint64
	Index int
}

// Audit gives entries, the newest first. next is where the next page starts before,
// zero if there is none.
func (p *Plane) Audit(ctx context.Context, f AuditFilter) (entries []Entry, next Position, err error) {
	before := f.Before
	if before.Seq == 0 {
		info, err := p.cfg.Stream.ControlInfo(ctx)
		if err != nil {
			return nil, next, err
		}
		before = Position{Seq: info.Last + 1}
	}
	last := before.Seq // of the window, included if it is the position's own message
	for last > 0 {
		first := uint64(1)
		if last >= pageSize {
			first = last - pageSize + 1
		}
		page, err := p.cfg.Stream.Commands(ctx, first, int(last-first+1))
		if err != nil {
			return nil, next, err
		}
		for i := len(page) - 1; i >= 0; i-- {
			more, err := p.entries(ctx, page[i])
			if err != nil {
				return nil, next, err
			}
			for j := len(more) - 1; j >= 0; j-- {
				e := more[j]
				if e.Seq > before.Seq || e.Seq == before.Seq && e.Index >= before.Index || !f.wants(e) {
					continue
				}
				if len(entries) == f.Limit {
					at := entries[f.Limit-1]
					return entries, Position{at.Seq, at.Index}, nil
				}
				entries = append(entries, e)
			}
		}
		last = first - 1
	}
	return entries, next, nil
}

func (f AuditFilter) wants(e Entry) bool {
	return (f.Sort == "" || e.Sort == f.Sort) && (f.Tenant == "" || e.Tenant == f.Tenant) && (f.ID == "" || e.ID == f.ID) &&
		(f.Actor == "" || e.Actor == f.Actor) && (f.Cause == "" || e.Cause == f.Cause) &&
		(f.From.IsZero() || !e.Logged.Before(f.From)) && (f.To.IsZero() || e.Logged.Before(f.To))
}

// entries are the changes of a message.
func (p *Plane) entries(ctx context.Context, c events.Command) ([]Entry, error) {
	es, err := c.Events()
	if err != nil {
		return nil, err
	}
	var out []Entry
	for i, e := range es {
		if e.Kind == events.HubCreatedKind || e.Kind == events.AuditSignedKind {
			continue
		}
		change, err := events.ChangeOf(e)
		if err != nil {
			return nil, err
		}
		ref := Ref{change.Sort, e.Tenant, change.Object}
		out = append(out, Entry{
			Seq: c.Seq, Index: i, At: e.At, Logged: c.Time, Node: e.Node, Request: e.Request, Kind: e.Kind, Ref: ref,
			Actor: change.Actor, Cause: change.Cause, Origin: change.Origin,
			Before: p.past(ctx, ref, change.Before), After: p.past(ctx, ref, change.After),
		})
	}
	return out, nil
}

// past is an object of the log as operators may see it. What is sealed there stays
// so, but for what tells of whom it is; the start of it tells whether it changed.
func (p *Plane) past(ctx context.Context, r Ref, raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return nil
	}
	one := &part{Ref: r, doc: newDoc(r.Sort)}
	if err := decodeDoc(Object{Ref: r, Doc: raw}, one.doc); err != nil {
		return json.RawMessage(`{}`) // of a version that this one does not understand
	}
	e := encoder{short: true, private: func(field string, v private) (string, error) {
		text := strings.TrimPrefix(v.reveal(), sealedPrefix)
		if _, personal := v.(interface{ personal() }); personal {
			if s, err := p.cfg.Vault.Open(ctx, one.at(field), text); err == nil {
				return s.Reveal(), nil
			}
			return "[destroyed]", nil
		}
		const enough = 8
		return "[sealed " + digest(text)[:enough] + "]", nil
	}}
	v, err := e.json(one.doc)
	if err != nil {
		return json.RawMessage(`{}`)
	}
	return v
}

// FieldChange is one field in which two versions of an object differ.
type FieldChange struct {
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Diff are the fields in which an entry's object changed.
func (e Entry) Diff() []FieldChange { return diff("", e.Before, e.After) }

func diff(path string, before, after json.RawMessage) []FieldChange {
	var b, a map[string]json.RawMessage
	if json.Unmarshal(before, &b) != nil || json.Unmarshal(after, &a) != nil || b == nil || a == nil {
		if string(before) == string(after) {
			return nil
		}
		return []FieldChange{{path, before, after}}
	}
	var out []FieldChange
	for _, key := range sortedKeys(b, a) {
		if !bytes.Equal(b[key], a[key]) {
			out = append(out, diff(in(path, key), b[key], a[key])...)
		}
	}
	return out
}

// AuditReport says whether a control stream is what was written.
type AuditReport struct {
	OK       bool   `json:"ok"`
	Messages uint64 `json:"messages"`         // that are as they were written
	Hash     string `json:"hash,omitempty"`   // of the last of them: whoever keeps it can tell later whether history was rewritten
	Broken   string `json:"broken,omitempty"` // the first place that is not, and why

	Signed uint64   `json:"signed,omitempty"` // the message up to which they are signed, 0: none
	Keys   []string `json:"keys,omitempty"`   // that have signed, Ed25519 in base64: one, unless the hub has lost its key
}

// Known is a message that somebody remembers.
type Known struct {
	Seq  uint64
	Hash string
}

// ParseKnown reads SEQ:HASH.
func ParseKnown(text string) (k Known, err error) {
	if n, err := fmt.Sscanf(strings.Replace(text, ":", " ", 1), "%d %s", &k.Seq, &k.Hash); err != nil || n != 2 || k.Seq == 0 {
		return k, errors.New("not SEQ:HASH")
	}
	return k, nil
}

// Trust is what somebody knows of a control stream from elsewhere.
type Trust struct {
	Known []Known             // messages that must be in it
	Keys  []ed25519.PublicKey // that alone may have signed; none: whichever signed first
}

// VerifyAudit folds a control stream from its start: every message must be chained
// to the one before it, say of every object what it was, and be signed by whom it may
// where it is a checkpoint. read gives messages from a sequence on, none at the end.
func VerifyAudit(read func(from uint64) ([]events.Command, error), trust Trust) (AuditReport, error) {
	state := NewState()
	for {
		page, err := read(state.Seq + 1)
		if err != nil {
			return AuditReport{}, err
		}
		if len(page) == 0 {
			return state.report(trust.ends(state)), nil
		}
		for _, c := range page {
			before := *state
			if err := state.fold(c); err != nil {
				return before.report(fmt.Sprintf("control message %d: %s", c.Seq, err)), nil
			}
			if err := trust.allows(state, c); err != nil {
				return before.report(err.Error()), nil
			}
		}
	}
}

func (s *State) report(broken string) AuditReport {
	return AuditReport{OK: broken == "", Messages: s.Seq, Hash: s.Hash, Signed: s.Signed, Keys: s.Signers, Broken: broken}
}

// allows tells whether a message, folded into s, may be there.
func (t Trust) allows(s *State, c events.Command) error {
	if slices.ContainsFunc(t.Known, func(k Known) bool { return k.Seq == c.Seq && k.Hash != c.Hash() }) {
		return fmt.Errorf("control message %d is not the one that is known", c.Seq)
	}
	for i, key := range s.Signers {
		known := slices.ContainsFunc(t.Keys, func(k ed25519.PublicKey) bool { return base64.StdEncoding.EncodeToString(k) == key })
		if !known && (len(t.Keys) > 0 || i > 0) {
			return fmt.Errorf("control message %d is signed by another key, %s", c.Seq, key)
		}
	}
	return nil
}

// ends tells what a stream that ends here lacks.
func (t Trust) ends(s *State) string {
	for _, k := range t.Known {
		if k.Seq > s.Seq {
			return fmt.Sprintf("the control stream ends at message %d, known is %d", s.Seq, k.Seq)
		}
	}
	if len(t.Keys) > 0 && s.Signed == 0 {
		return "the control stream is signed nowhere, though a key is known"
	}
	return ""
}

// VerifyAudit checks the stream of this plane, see [VerifyAudit]; what the node
// itself remembers is known.
func (p *Plane) VerifyAudit(ctx context.Context, trust Trust) (AuditReport, error) {
	if s := p.State(); s.Seq > 0 {
		trust.Known = append(slices.Clone(trust.Known), Known{s.Seq, s.Hash})
	}
	return VerifyAudit(func(from uint64) ([]events.Command, error) { return p.cfg.Stream.Commands(ctx, from, pageSize) }, trust)
}

// Commands gives the messages of the control stream from a sequence on.
func (p *Plane) Commands(ctx context.Context, from uint64) ([]events.Command, error) {
	return p.cfg.Stream.Commands(ctx, from, pageSize)
}

func sortedKeys[V any](maps ...map[string]V) []string {
	var keys []string
	for _, m := range maps {
		for key := range m {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
