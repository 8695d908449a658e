package control

import (
	"context"
	"encoding/json"
	"errors"
)

// Wanted is a configuration that was read and checked, and is not in force yet.
type Wanted struct {
	loader *Loader
	file   *file
}

// finish checks what was read.
func (l *Loader) finish(d *document) (*Wanted, error) {
	if l.Prices == nil {
		return nil, errors.New("control: Loader.Prices must be set")
	}
	(&checker{document: d, kinds: l.Kinds, authorizers: &l.authorizers}).check()
	if err := d.wrong.err(); err != nil {
		return nil, err
	}
	return &Wanted{loader: l, file: &d.file}, nil
}

// Catalog is the configuration alone, as if nothing else was in force. A key
// whose secret is not given cannot be used.
func (w *Wanted) Catalog() (*Catalog, error) {
	return (&builder{loader: w.loader, file: w.file}).build()
}

// Encode writes w for [Loader.Decode], with secrets in clear: it is for the way to
// the server and nothing else.
func (w *Wanted) Encode() (json.RawMessage, error) { return encoder{private: inClear}.json(w.file) }

// Decode reads what [Wanted.Encode] wrote.
func (l *Loader) Decode(data []byte) (*Wanted, error) {
	d := &document{name: "configuration", places: map[string]place{}, literal: true}
	d.read(data)
	return l.finish(d)
}

// parts are the objects of w, opened.
func (w *Wanted) parts(ctx context.Context, vault Vault) ([]*part, error) {
	parts := w.file.parts(w.loader.Kinds)
	for _, one := range parts {
		if err := one.open(ctx, vault); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// catalog makes the catalog of a plan. It fails with [mistakes] if the objects do
// not fit together.
func (l *Loader) catalog(p *plan) (*Catalog, error) {
	parts := p.sorted()
	d := &document{name: "configuration", assembled: true, file: *assemble(parts)}
	(&checker{document: d, kinds: l.Kinds, authorizers: &l.authorizers}).check()
	if err := d.wrong.err(); err != nil {
		return nil, err
	}
	return (&builder{loader: l, file: &d.file, people: parts}).build()
}
