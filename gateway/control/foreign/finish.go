package foreign

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/llm-hub/llm-hub/gateway/control"
)

// finish writes the draft. What hub.yaml would not take is left out and noted.
func (d *draft) finish(from string) (*Result, error) {
	d.providers = slices.DeleteFunc(d.providers, func(p *account) bool { return !d.takes(p) })
	kept := d.models[:0]
	for _, m := range d.models {
		if d.takesModel(m) {
			kept = append(kept, m)
		}
	}
	d.models = kept
	d.keepKnownModels()
	text, err := yaml.Marshal(d.file())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.notes.file, err)
	}
	if len(d.file()) == 0 {
		return nil, fmt.Errorf("%s: nothing in it can be carried over", d.notes.file)
	}
	if err := d.refused(d.file()); err != nil {
		return nil, fmt.Errorf("%s: what came of it is not accepted: %w", d.notes.file, err)
	}
	head := fmt.Sprintf("# Made by `llm-hub import %s`. Look at what it said was not carried over.\n", from)
	r := &Result{YAML: append([]byte(head), text...), Notes: d.notes.sorted(), Providers: len(d.providers), Models: len(d.models)}
	for _, name := range d.tenants {
		r.Keys += len(d.keys[name])
		r.Users += len(d.users[name])
	}
	return r, nil
}

// refused is why hub.yaml does not take a part, nil if it does.
func (d *draft) refused(part obj) error {
	text, err := yaml.Marshal(stubbed(part, new(int)))
	if err != nil {
		return err
	}
	_, err = d.loader.Parse(text, "hub.yaml")
	return err
}

// reason words the first mistake without its place in a file that nobody has seen.
func reason(err error) string {
	if list := control.Mistakes(err); len(list) > 0 {
		text, _, _ := strings.Cut(list[0].Text, ": \"") // what was read is not quoted: it may be a secret
		if key := list[0].Path[strings.LastIndexByte(list[0].Path, '.')+1:]; key != "" {
			return key + ": " + text
		}
		return text
	}
	return "it is not understood"
}

func (d *draft) takes(p *account) bool {
	err := d.refused(obj{{Key: "providers", Value: []any{p.object()}}})
	if err != nil {
		d.notes.add(0, "", "provider %s is left out: %s", p.name, reason(err))
	}
	return err == nil
}

// takesModel drops the targets whose provider is gone; a model without any goes too.
func (d *draft) takesModel(m *logical) bool {
	var targets []target
	seen := map[*account]bool{}
	var providers []any
	for _, t := range m.targets {
		if !slices.Contains(d.providers, t.provider) {
			continue
		}
		one := &logical{name: m.name, timeouts: m.timeouts, targets: []target{t}}
		if err := d.refused(obj{{Key: "providers", Value: []any{t.provider.object()}}, {Key: "models", Value: []any{one.object()}}}); err != nil {
			d.notes.add(m.line, "", "a target of model %s is left out: %s", m.name, reason(err))
			continue
		}
		if targets = append(targets, t); !seen[t.provider] {
			seen[t.provider] = true
			providers = append(providers, t.provider.object())
		}
	}
	if m.targets = targets; len(targets) == 0 {
		d.notes.add(m.line, "", "model %q is left out: nothing that could answer it was carried over", m.asked)
		return false
	}
	if err := d.refused(obj{{Key: "providers", Value: providers}, {Key: "models", Value: []any{m.object()}}}); err != nil {
		d.notes.add(m.line, "", "model %q is left out: %s", m.asked, reason(err))
		return false
	}
	return true
}

// keepKnownModels takes models that are not there out of the lists of keys. A key
// that might use only such models may use none: it is left out.
func (d *draft) keepKnownModels() {
	known := map[any]bool{}
	for _, m := range d.models {
		known[m.name] = true
	}
	for tenant, keys := range d.keys {
		d.keys[tenant] = slices.DeleteFunc(keys, func(k obj) bool {
			at := slices.IndexFunc(k, func(i yaml.MapItem) bool { return i.Key == "models" })
			if at < 0 {
				return false
			}
			models, _ := k[at].Value.([]any)
			models = slices.DeleteFunc(models, func(m any) bool { return !known[m] })
			if k[at].Value = models; len(models) == 0 {
				d.notes.add(0, "", "key %v of tenant %s is left out: none of its models was carried over", k[0].Value, tenant)
			}
			return len(models) == 0
		})
	}
}

// stubbed is a copy in which whatever comes from outside has a value that fits.
func stubbed(v any, n *int) any {
	switch v := v.(type) {
	case obj:
		out := make(obj, len(v))
		for i, item := range v {
			out[i] = yaml.MapItem{Key: item.Key, Value: stubbed(item.Value, n)}
			text, _ := item.Value.(string)
			if !isReference(text) {
				continue
			}
			*n++
			out[i].Value = fmt.Sprintf("stub-%060d", *n)
			switch item.Key {
			case "base_url":
				out[i].Value = "https://stub.invalid"
			case "region", "location":
				out[i].Value = "stub-1"
			case "service_account":
				out[i].Key = "access_token"
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = stubbed(v[i], n)
		}
		return out
	default:
		return v
	}
}

func isReference(text string) bool {
	return strings.HasPrefix(text, "env:") || strings.HasPrefix(text, "file:")
}
