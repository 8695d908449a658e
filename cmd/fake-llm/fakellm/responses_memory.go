package fakellm

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
)

// talk is what a request through the Responses API is about.
type talk struct {
	echo      []byte            // the request
	input     []json.RawMessage // its items
	items     []json.RawMessage // of the conversation, those included
	store     bool
	encrypted bool // thoughts are to come encrypted
}

// memory keeps the answers of the Responses API, each for the key that asked. Safe for
// concurrent use.
type memory struct {
	mu      sync.Mutex
	answers map[memoryKey]remembered
	parts   map[memoryKey]json.RawMessage // items by their id
	order   []memoryKey                   // of answers, oldest first
}

// maxRemembered bounds the answers that are kept.
const maxRemembered = 10_000

type memoryKey struct{ key, id string }

// remembered is an answer and what led to it.
type remembered struct {
	body  []byte
	input []json.RawMessage
	items []json.RawMessage // of the conversation, the answer included
	parts []memoryKey       // of the answer
}

func newMemory() *memory {
	return &memory{answers: make(map[memoryKey]remembered), parts: make(map[memoryKey]json.RawMessage)}
}

func (m *memory) find(key, id string) (remembered, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, known := m.answers[memoryKey{key, id}]
	return r, known
}

func (m *memory) item(key, id string) (json.RawMessage, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	raw, known := m.parts[memoryKey{key, id}]
	return raw, known
}

// keep remembers the answer to a call, unless it is not to be stored.
func (m *memory) keep(c *call, id string, body []byte, output []any) {
	if !c.talk.store {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r := remembered{body: body, input: c.talk.input, items: append([]json.RawMessage{}, c.talk.items...)}
	for _, item := range output {
		raw := compactJSON(item)
		r.items = append(r.items, raw)
		var named struct{ ID string }
		_ = json.Unmarshal(raw, &named) // it was made just now
		part := memoryKey{c.key, named.ID}
		r.parts = append(r.parts, part)
		m.parts[part] = raw
	}
	if len(m.order) >= maxRemembered {
		m.drop(m.order[0])
		m.order = m.order[1:]
	}
	m.answers[memoryKey{c.key, id}] = r
	m.order = append(m.order, memoryKey{c.key, id})
}

func (m *memory) forget(key, id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(memoryKey{key, id})
}

// drop removes an answer with its items. m.mu is held.
func (m *memory) drop(k memoryKey) {
	for _, part := range m.answers[k].parts {
		delete(m.parts, part)
	}
	delete(m.answers, k)
}

// kept answers questions about an answer that was kept.
func (x *exchange) kept() {
	id, below, _ := strings.Cut(x.route.model, "/")
	r, known := x.server.memory.find(x.wire.key(x.r), id)
	if !known {
		f := invalid("", "Response with id '%s' not found.", id)
		f.status = http.StatusNotFound
		x.fail(f)
		return
	}
	x.wire.headers(&x.call, x.w.Header())
	switch x.r.Method + " " + below {
	case "GET ":
		x.document(r.body)
	case "DELETE ":
		x.server.memory.forget(x.wire.key(x.r), id)
		x.document(indentedJSON(map[string]any{"id": id, "object": "response", "deleted": true}))
	case "GET input_items":
		x.document(indentedJSON(map[string]any{
			"object": "list", "data": r.input, "has_more": false, "first_id": "item_1", "last_id": "item_1",
		}))
	case "POST cancel":
		x.fail(invalid("", "Cannot cancel a synchronous response."))
	default:
		x.fail(&failure{status: http.StatusNotFound, reason: reasonNoRoute, message: "Invalid URL"})
	}
}
