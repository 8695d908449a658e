package control

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
)

// View is an object as operators may see it.
type View struct {
	Ref
	Origin  string          `json:"origin"`  // demo, environment, file or api
	Version uint64          `json:"version"` // sequence of the command that set it last
	Spec    json.RawMessage `json:"spec"`    // in the words of hub.yaml
	// LastUsed is of virtual keys: the minute of the last admitted request, as far as the
	// log is folded. The control plane does not know it.
	LastUsed *time.Time `json:"last_used,omitempty"`
}

// Views are the objects of a sort, by tenant and id; tenant "": of all.
func (p *Plane) Views(sort events.Sort, tenant events.TenantID) ([]View, error) {
	return p.Now().Views(sort, tenant)
}

func (o *opened) views(sort events.Sort, tenant events.TenantID, rights Rights) ([]View, error) {
	out := []View{}
	for _, r := range o.plan.order {
		if r.Sort != sort || tenant != "" && r.Tenant != tenant || !rights.sees(o.plan.parts[r]) {
			continue
		}
		v, err := o.view(r, rights)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b View) int { return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// View is one object. Its error is a *gateway.Error.
func (p *Plane) View(r Ref) (View, error) { return p.Now().View(r) }

func (o *opened) view(r Ref, rights Rights) (View, error) {
	one := o.plan.parts[r]
	if one == nil || !rights.sees(one) {
		return View{}, missing(r)
	}
	spec, err := rights.view(one)
	return View{Ref: r, Origin: o.plan.origin[r], Version: o.state.objects[r].Seq, Spec: spec}, err
}

func missing(r Ref) error {
	return &gateway.Error{Kind: gateway.NotFound, Code: "no_such_object", Public: fmt.Sprintf("There is no %s.", r)}
}

// Create adds the object that spec describes, and those inside it. holder is the
// tenant of a user or key and the provider of a credential. The errors of this and
// the other edits are *gateway.Error.
func (d *Draft) Create(sort events.Sort, holder string, spec []byte) (Ref, error) {
	doc := newDoc(sort)
	if err := decodeSpec(sort, spec, doc); err != nil {
		return Ref{}, err
	}
	parts, err := d.partsOf(sort, holder, doc)
	if err != nil {
		return Ref{}, err
	}
	parts[0] = d.claim(parts[0])
	if err := d.by.Rights.write(parts[0].Ref, d.claim(&part{Ref: parts[0].Ref, doc: newDoc(sort)}).doc, parts[0].doc); err != nil {
		return Ref{}, err
	}
	for _, one := range parts {
		if d.plan.parts[one.Ref] != nil {
			return Ref{}, &gateway.Error{Kind: gateway.Conflict, Code: "exists", Public: fmt.Sprintf("There is a %s already.", one.Ref)}
		}
		d.set(one)
	}
	return parts[0].Ref, nil
}

// claim makes whoever creates a key its issuer. What a member creates is theirs.
func (d *Draft) claim(one *part) *part {
	key, ok := one.doc.(*keyDoc)
	if !ok || d.by.Rights.User == "" {
		return one
	}
	claimed := *key
	claimed.Issuer = reference(d.by.Rights.User)
	if d.by.Rights.Role == RoleMember && claimed.User == "" {
		claimed.User = claimed.Issuer
	}
	return &part{Ref: one.Ref, doc: &claimed}
}

// decodeSpec reads what a client sent.
func decodeSpec(sort events.Sort, spec []byte, doc any) error {
	if err := checkBody(spec); err != nil {
		return err
	}
	d := &document{name: string(sort), places: map[string]place{}, literal: true, unsealed: true}
	d.readInto(spec, doc)
	if err := d.wrong.err(); err != nil {
		return invalid(err)
	}
	return nil
}

// partsOf are the objects of a document; the first is what it is of.
func (d *Draft) partsOf(sort events.Sort, holder string, doc any) ([]*part, error) {
	f := &file{}
	switch doc := doc.(type) {
	case *settingsDoc:
		f.Settings = *doc
	case *priceDoc:
		f.Settings.Prices = []priceDoc{*doc}
	case *providerDoc:
		f.Providers = []providerDoc{*doc}
	case *credentialDoc:
		p := d.plan.parts[Ref{events.ProviderSort, events.NoTenant, holder}]
		if p == nil {
			return nil, missing(Ref{events.ProviderSort, events.NoTenant, holder})
		}
		owner := *p.doc.(*providerDoc)
		owner.Credentials = []credentialDoc{*doc}
		f.Providers = []providerDoc{owner}
	case *modelDoc:
		f.Models = []modelDoc{*doc}
	case *tokenDoc:
		f.Tokens = []tokenDoc{*doc}
	case *tenantDoc:
		f.Tenants = []tenantDoc{*doc}
	case *userDoc:
		f.Tenants = []tenantDoc{{Name: tenantID(holder), Users: []userDoc{*doc}}}
	case *teamDoc:
		f.Tenants = []tenantDoc{{Name: tenantID(holder), Teams: []teamDoc{*doc}}}
	case *keyDoc:
		f.Tenants = []tenantDoc{{Name: tenantID(holder), Keys: []keyDoc{*doc}}}
	}
	inTenant := sort == events.UserSort || sort == events.TeamSort || sort == events.KeySort
	if inTenant {
		if r := (Ref{events.TenantSort, events.TenantID(holder), holder}); d.plan.parts[r] == nil {
			return nil, missing(r)
		}
	}
	parts := slices.DeleteFunc(f.parts(d.kinds), func(one *part) bool {
		return (sort == events.CredentialSort || inTenant) && one.Sort != sort
	})
	if len(parts) == 0 { // nothing is said in it
		parts = []*part{{Ref: Ref{sort, events.NoTenant, hubID}, doc: doc}}
	}
	return parts, nil
}

// Match says which version of an object a change was made for; nil: any.
type Match *uint64

// find is an object that matches.
func (d *Draft) find(r Ref, match Match) (*part, error) {
	one := d.plan.parts[r]
	if one == nil && r.Sort == events.SettingsSort { // there always are settings
		one = &part{Ref: r, doc: &settingsDoc{}}
	}
	if one == nil || !d.by.Rights.sees(one) {
		return nil, missing(r)
	}
	if version := d.now.state.objects[r].Seq; match != nil && *match != version {
		return nil, &gateway.Error{
			Kind: gateway.Stale, Code: "changed_meanwhile", Detail: current(one, version),
			Public: fmt.Sprintf("The %s has version %d, not %d: read it again.", r, version, *match),
		}
	}
	return one, nil
}

// current is what somebody needs who made a change for another version: the one that is
// in force, as operators may see it, to make the change of that.
func current(one *part, version uint64) map[string]any {
	detail := map[string]any{"version": version}
	if spec, err := one.view(); err == nil {
		detail["spec"] = spec
	}
	return detail
}

// Patch changes an object by a JSON merge patch (RFC 7396) of its words in
// hub.yaml.
func (d *Draft) Patch(r Ref, match Match, patch []byte) error {
	one, err := d.find(r, match)
	if err != nil {
		return err
	}
	now, err := encoder{private: inClear}.json(one.doc)
	if err != nil {
		return err
	}
	merged, change, err := merge(now, patch)
	if err != nil {
		return err
	}
	doc := newDoc(r.Sort)
	if err := decodeSpec(r.Sort, merged, doc); err != nil {
		return err
	}
	voidMovedSSO(one.doc, doc, change)
	holder := string(r.Tenant)
	if r.Sort == events.CredentialSort {
		holder = OwnerOf(r.ID)
	}
	parts, err := d.partsOf(r.Sort, holder, doc)
	if err != nil {
		return err
	}
	if len(parts) != 1 || parts[0].Ref != r {
		return &gateway.Error{Kind: gateway.Invalid, Public: fmt.Sprintf("What the %s is named by and what is inside it cannot be changed here.", r)}
	}
	if err := d.by.Rights.write(r, one.doc, parts[0].doc); err != nil {
		return err
	}
	if had, ok := one.doc.(*keyDoc); ok && had.State == keyRevoked && doc.(*keyDoc).State != keyRevoked {
		return errRevoked(r)
	}
	d.set(parts[0])
	return nil
}

func errRevoked(r Ref) error {
	return &gateway.Error{Kind: gateway.Conflict, Code: "key_revoked", Public: fmt.Sprintf("The %s is revoked for good.", r)}
}

// merge applies a merge patch; change is the patch.
func merge(doc, patch []byte) (merged []byte, change map[string]any, err error) {
	if err := checkBody(patch); err != nil {
		return nil, nil, err
	}
	var target any
	p, d := json.NewDecoder(bytes.NewReader(patch)), json.NewDecoder(bytes.NewReader(doc))
	p.UseNumber()
	d.UseNumber()
	if err := p.Decode(&change); err != nil || change == nil {
		return nil, nil, &gateway.Error{Kind: gateway.Invalid, Public: "The body must be an object: what it has is changed, null removes.", Cause: err}
	}
	if err := d.Decode(&target); err != nil {
		return nil, nil, err
	}
	merged, err = json.Marshal(mergeValue(target, change))
	return merged, change, err
}

func mergeValue(target, change any) any {
	patch, ok := change.(map[string]any)
	if !ok {
		return change
	}
	into, ok := target.(map[string]any)
	if !ok {
		into = map[string]any{}
	}
	for key, v := range patch {
		if v == nil {
			delete(into, key)
			continue
		}
		into[key] = mergeValue(into[key], v)
	}
	return into
}

// Remove takes an object away, and what is inside it.
func (d *Draft) Remove(r Ref, match Match) error {
	if r.Sort == events.SettingsSort {
		return &gateway.Error{Kind: gateway.Conflict, Public: "There always are settings."}
	}
	if _, err := d.find(r, match); err != nil {
		return err
	}
	d.plan.remove(r)
	return nil
}
