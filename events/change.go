package events

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Change is the body of every kind of control but hub.created: one object of the
// configuration, as it was and as it is. Its kind is [Sort.Set] or [Sort.Removed].
//
// Before and After are the object in the words of hub.yaml. What nobody may read
// there is sealed, and a virtual key is its SHA-256.
type Change struct {
	Sort        Sort            `json:"-"`                     // the kind says it
	Object      string          `json:"object"`                // unique in its sort and tenant; a credential's is <provider>/<name>
	Actor       string          `json:"actor"`                 // who: an id, never a name
	Cause       string          `json:"cause"`                 // by which way, like apply or keys.revoke
	Origin      string          `json:"origin"`                // what the object is kept up by: demo, environment, file or api
	Idempotency string          `json:"idempotency,omitempty"` // of the command: hash of the key that its client gave
	Before      json.RawMessage `json:"before,omitempty"`      // nil: there was none
	After       json.RawMessage `json:"after,omitempty"`       // nil: removed
	Shredded    []string        `json:"shredded,omitempty"`    // ids of the data keys that are destroyed with a tenant
}

// Kind implements [Body].
func (c Change) Kind() Kind {
	if c.After == nil {
		return c.Sort.Removed()
	}
	return c.Sort.Set()
}

// ChangeOf decodes the body of an event of control. The error names the event.
func ChangeOf(e Event) (Change, error) {
	name, removed := strings.CutSuffix(string(e.Kind), removedSuffix)
	name, set := strings.CutSuffix(name, setSuffix)
	if !slices.Contains(Sorts(), Sort(name)) || removed == set {
		return Change{}, fmt.Errorf("event %s: %s is no change of the configuration that this version knows", e.ID, e.Kind)
	}
	var c Change
	if err := json.Unmarshal(e.Body, &c); err != nil {
		return Change{}, fmt.Errorf("event %s: body: %w", e.ID, err)
	}
	if c.Sort = Sort(name); c.Kind() != e.Kind || c.Object == "" {
		return Change{}, fmt.Errorf("event %s: its body is not that of %s", e.ID, e.Kind)
	}
	return c, nil
}
