package control

import (
	"cmp"
	"context"
	"slices"

	"github.com/llm-hub/llm-hub/events"
)

// NewKey is a virtual key that was made just now. Its secret is known to nobody
// else and is never shown again.
type NewKey struct {
	Tenant events.TenantID `json:"tenant"`
	Name   string          `json:"name"`
	Secret Secret          `json:"-"`
}

// Applied says what became of a configuration.
type Applied struct {
	Outcome
	Keys []NewKey
}

// Application says how a configuration is put in force.
type Application struct {
	// Prune gives the origins of which everything is removed that the configuration
	// has not. Nil: nothing is.
	Prune []string
	// Keys are the secrets of keys that are not given in the configuration and not on
	// the log, as an older version kept them; empty: none.
	Keys KeyFile
}

// Everything is all origins.
func Everything() []string {
	return []string{OriginDemo, OriginEnvironment, OriginFile, OriginAPI}
}

// Apply puts what w says in force, by the changes that make the difference: where
// there is none, nothing is appended. A virtual key without a secret keeps the one
// it has, or gets one.
func (p *Plane) Apply(ctx context.Context, by By, w *Wanted, how Application) (Applied, error) {
	var out Applied
	parts, err := w.parts(ctx, p.cfg.Vault)
	if err != nil {
		return out, invalid(err)
	}
	made := keysMade{}
	out.Outcome, err = p.Do(ctx, by, func(d *Draft) error { return d.apply(parts, how, made) })
	if err == nil && !by.DryRun {
		out.Keys = made.inForce(p.opened.Load().plan)
	}
	return out, err
}

// Decode reads a configuration that a client sent. Its errors are *gateway.Error.
func (p *Plane) Decode(data []byte) (*Wanted, error) {
	w, err := p.cfg.Loader.Decode(data)
	if err != nil {
		return nil, invalid(err)
	}
	return w, nil
}

// keysMade are the secrets that a command has made. They are the same at every try:
// an earlier one may be on the log.
type keysMade map[Ref]Secret

// inForce are those that are on the log, in the order of their names.
func (m keysMade) inForce(p *plan) []NewKey {
	var out []NewKey
	for r, secret := range m {
		one := p.parts[r]
		if one != nil && keyOf(one.doc).digest() == digest(secret.Reveal()) {
			out = append(out, NewKey{Tenant: r.Tenant, Name: r.ID, Secret: secret})
		}
	}
	slices.SortFunc(out, func(a, b NewKey) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Name, b.Name))
	})
	return out
}

func (m keysMade) secret(r Ref) Secret {
	if m[r].Empty() {
		if m[r] = GenerateKey(); r.Sort == events.TokenSort {
			m[r] = GenerateToken()
		}
	}
	return m[r]
}

func (d *Draft) apply(parts []*part, how Application, made keysMade) error {
	wanted := map[Ref]bool{}
	for _, one := range parts {
		wanted[one.Ref] = true
		one, err := d.complete(one, how.Keys, made)
		if err != nil {
			return err
		}
		d.set(one)
	}
	for _, r := range slices.Clone(d.plan.order) {
		if !wanted[r] && !undescribed(r.Sort) && slices.Contains(how.Prune, d.plan.origin[r]) {
			d.plan.remove(r)
		}
	}
	return nil
}

// keyOf is the secret of a document that has one, else nil.
func keyOf(doc any) *suppliedKey {
	switch doc := doc.(type) {
	case *keyDoc:
		return &doc.Key
	case *tokenDoc:
		return &doc.Key
	}
	return nil
}

// complete gives a key or token what its configuration leaves to the hub; other
// parts stay as they are.
func (d *Draft) complete(one *part, old KeyFile, made keysMade) (*part, error) {
	switch doc := one.doc.(type) {
	case *keyDoc:
		with, err := d.completed(one.Ref, *doc, old, made)
		return &part{Ref: one.Ref, doc: &with}, err
	case *tokenDoc:
		with := *doc
		if one := d.now.plan.parts[one.Ref]; one != nil {
			if had := one.doc.(*tokenDoc); !with.Key.given() || with.Key.digest() == had.Key.digest() {
				with.Key, with.Previous = had.Key, had.Previous
			}
		}
		if !with.Key.given() {
			with.Key.set(made.secret(one.Ref))
		}
		return &part{Ref: one.Ref, doc: &with}, nil
	}
	return one, nil
}

// completed gives a key what its configuration leaves to the hub: the state it is
// in and, where no secret is given, the one it has, one that a file of an older
// version has, or a new one.
func (d *Draft) completed(r Ref, key keyDoc, old KeyFile, made keysMade) (keyDoc, error) {
	var had keyDoc
	if one := d.now.plan.parts[r]; one != nil {
		had = *one.doc.(*keyDoc)
	}
	if key.State == "" || had.State == keyRevoked {
		key.State = had.State
	}
	if had.Key.given() && (!key.Key.given() || key.Key.digest() == had.Key.digest()) {
		key.Key, key.ID, key.Previous, key.Issuer = had.Key, had.ID, had.Previous, had.Issuer
		return key, nil
	}
	if !key.Key.given() && old != "" {
		secret, err := old.Find(r.Tenant, r.ID)
		if err != nil {
			return key, err
		}
		key.Key.set(secret)
	}
	if !key.Key.given() {
		key.Key.set(made.secret(r))
	}
	if !key.Key.Empty() {
		key.ID = publicID(publicPart(key.Key.Reveal()))
	}
	return key, nil
}
