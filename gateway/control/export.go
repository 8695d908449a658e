package control

import (
	"context"
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml"
)

// Export writes the configuration in force as a hub.yaml. Secrets are sealed, so
// that it may be kept anywhere, and applied to this hub it makes no difference.
// Addresses of people are in clear.
func (p *Plane) Export(ctx context.Context) ([]byte, error) {
	return p.opened.Load().plan.export(ctx, p.cfg.Vault)
}

func (p *plan) export(ctx context.Context, vault Vault) ([]byte, error) {
	parts := p.sorted()
	for i, one := range parts {
		closed, err := one.closed(ctx, vault)
		if err != nil {
			return nil, err
		}
		parts[i] = closed
	}
	v, err := encoder{private: inClear}.value(reflect.ValueOf(assemble(parts)).Elem(), "")
	if err != nil {
		return nil, err
	}
	if v == nil {
		v = yaml.MapSlice{}
	}
	text, err := yaml.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return text, nil
}

// closed is a copy of the part whose secrets are sealed.
func (p *part) closed(ctx context.Context, vault Vault) (*part, error) {
	e := encoder{private: func(field string, v private) (string, error) {
		if _, personal := v.(interface{ personal() }); personal {
			return v.reveal(), nil
		}
		text, err := vault.Seal(ctx, p.at(field), NewSecret(v.reveal()))
		return sealedPrefix + text, err
	}}
	raw, err := e.json(p.doc)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Ref, err)
	}
	out := &part{Ref: p.Ref, host: p.host, doc: newDoc(p.Sort)}
	return out, decodeDoc(Object{Ref: p.Ref, Doc: raw}, out.doc)
}
