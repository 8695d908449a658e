package events

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Ids are opaque, printable and free of personal data.
type (
	// ID identifies one event for ever, see [NewID].
	ID string
	// NodeID names a gateway or projector process's data directory.
	NodeID string
	// TenantID names an organisation; [NoTenant] where a fact has none.
	TenantID string
	// RequestID is a UUIDv7 in its usual text form.
	RequestID string
	// Epoch is a UUIDv7 minted at every process start and never restored.
	Epoch string
)

// NoTenant stands where a fact belongs to no tenant (node events).
const NoTenant TenantID = "_"

// MaxEventSize bounds one encoded event, in bytes.
const MaxEventSize = 32 << 10

// Event is the envelope of one fact. Treat it as immutable once made or decoded.
type Event struct {
	ID       ID              `json:"id"`
	Kind     Kind            `json:"kind"`
	V        int             `json:"v"`
	At       time.Time       `json:"at"`
	Node     NodeID          `json:"node"`
	Tenant   TenantID        `json:"tenant"`
	Request  RequestID       `json:"request,omitempty"`
	WindowAt time.Time       `json:"window_at,omitzero"` // admission time of the request, in the time zone its windows are counted in
	Body     json.RawMessage `json:"body"`

	raw []byte // the line this event was decoded from, kept so that unknown fields survive
}

// Head is what the caller of [New] knows about a fact besides its body.
type Head struct {
	At       time.Time
	Node     NodeID
	Tenant   TenantID
	Request  RequestID
	WindowAt time.Time // zero for facts that belong to no request
	Attempt  int       // 1-based attempt the fact is about, 0 for none
	N        int       // 1-based number among facts of the same kind and attempt, 0 for none
	Epoch    Epoch     // of facts about a node itself, which have no request
}

// Body is the typed content of an event; each kind has exactly one.
type Body interface {
	Kind() Kind
}

// New makes the event that states body. It fails if the encoded event would be
// larger than [MaxEventSize].
func New(h Head, body Body) (Event, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return Event{}, fmt.Errorf("encode %s: %w", body.Kind(), err)
	}
	e := Event{
		ID: NewID(h, body.Kind()), Kind: body.Kind(), V: 1, At: h.At.UTC(), Node: h.Node, Tenant: h.Tenant,
		Request: h.Request, WindowAt: h.WindowAt, Body: raw,
	}
	const envelope = 320 // bytes, as a rule
	if e.raw, err = appendEvent(make([]byte, 0, len(raw)+envelope), &e); err != nil {
		return Event{}, fmt.Errorf("encode %s: %w", body.Kind(), err)
	}
	if len(e.raw) > MaxEventSize {
		return Event{}, fmt.Errorf("event %s has %d bytes, more than %d", e.ID, len(e.raw), MaxEventSize)
	}
	return e, nil
}

// NewID gives `<request>:<kind>[:<attempt>][:<n>]`; a fact without a request has
// its node in the first place, or `<node>.<epoch>` if it has an epoch.
func NewID(h Head, k Kind) ID {
	id := string(h.Request)
	if id == "" {
		id = string(h.Node)
		if h.Epoch != "" {
			id += "." + string(h.Epoch)
		}
	}
	id += ":" + string(k)
	if h.Attempt > 0 || h.N > 0 {
		id += ":" + strconv.Itoa(h.Attempt)
	}
	if h.N > 0 {
		id += ":" + strconv.Itoa(h.N)
	}
	return ID(id)
}

// Encode returns the event as one line of JSON without its newline. The caller
// must not change the bytes.
func (e Event) Encode() ([]byte, error) {
	if e.raw != nil {
		return e.raw, nil
	}
	return json.Marshal(&e)
}

// Decode reads one line of JSON. It keeps line; the caller must not change it afterwards.
func Decode(line []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(line, &e); err != nil {
		return Event{}, fmt.Errorf("decode event: %w", err)
	}
	if e.ID == "" || e.Kind == "" {
		return Event{}, fmt.Errorf("decode event: id and kind must not be empty")
	}
	e.raw = bytes.TrimSpace(line)
	return e, nil
}

// As decodes the body of e. The error names the event.
func As[B Body](e Event) (B, error) {
	var b B
	if e.Kind != b.Kind() {
		return b, fmt.Errorf("event %s: is %s, not %s", e.ID, e.Kind, b.Kind())
	}
	if err := json.Unmarshal(e.Body, &b); err != nil {
		return b, fmt.Errorf("event %s: body: %w", e.ID, err)
	}
	return b, nil
}
