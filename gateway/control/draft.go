package control

import (
	"github.com/llm-hub/llm-hub/events"
)

// Draft is a copy of the whole configuration that a command changes.
type Draft struct {
	plan  *plan
	now   *opened // what the copy was made of
	by    By
	kinds []Kind
}

// set puts an object in place. One that is there keeps its origin, unless a file
// takes it over.
func (d *Draft) set(one *part) {
	origin := d.plan.origin[one.Ref]
	if origin == "" || d.by.Origin == OriginFile {
		origin = d.by.Origin
	}
	d.plan.set(one, origin)
}

// voidMoved takes its key from every credential whose provider has another host
// than the key was given for: whoever may change an address must not be sent keys.
func (d *Draft) voidMoved() {
	for _, one := range d.plan.sorted() {
		doc, ok := one.doc.(*credentialDoc)
		if !ok {
			continue
		}
		owner := d.plan.parts[Ref{events.ProviderSort, events.NoTenant, OwnerOf(one.ID)}]
		if owner == nil {
			continue
		}
		host := hostOf(owner.doc.(*providerDoc), d.kinds)
		if host == one.host {
			continue
		}
		d.plan.set(&part{Ref: one.Ref, host: host, doc: doc.voided()}, d.plan.origin[one.Ref])
	}
}
