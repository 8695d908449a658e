package foreign

import (
	"fmt"
	"slices"
	"strings"
)

// accounts makes providers of the deployments: those of a model group at one place,
// for one model and of one order are one target, among whose keys requests rotate.
// An account is shared by all targets with just those keys. Keys with limits count for
// their model group alone, as deployments do.
func (l *litellm) accounts() {
	made := map[string]*account{}
	for _, group := range l.groups {
		m := &logical{asked: group, line: l.deployments[group][0].line}
		m.name = l.renamed(group, m.line, "model_list")
		for _, set := range together(l.deployments[group]) {
			t := target{provider: l.account(made, group, set), model: set[0].model, priority: int(set[0].order)}
			if set[0].called != "" && !t.provider.calls(set[0].model, set[0].called) {
				t.model = set[0].called // the model's own name stands for another deployment already
				l.notes.add(set[0].line, "model_list", "deployment %q is asked for by its own name: model %q stands for another one there; set a price for it", set[0].called, set[0].model)
			}
			if m.has(t) {
				l.notes.add(set[0].line, "model_list", "is not carried over: the model group has the same account and model once more")
				continue
			}
			m.targets = append(m.targets, t)
		}
		l.lower(m)
		l.waits(m, l.deployments[group])
		l.models = append(l.models, m)
	}
}

// together divides deployments into those that are one target, in the order of the file.
func together(ds []deployment) [][]deployment {
	var sets [][]deployment
	for _, d := range ds {
		i := slices.IndexFunc(sets, func(s []deployment) bool {
			return s[0].place == d.place && s[0].model == d.model && s[0].called == d.called && s[0].order == d.order
		})
		if i < 0 {
			sets = append(sets, []deployment{d})
			continue
		}
		sets[i] = append(sets[i], d)
	}
	return sets
}

// account finds or makes the provider of a target.
func (l *litellm) account(made map[string]*account, group string, set []deployment) *account {
	var credentials []credential
	limited := false
	for _, d := range set {
		c := d.credential
		if limited = limited || len(c.limits) > 0; len(c.proof) == 0 && len(c.limits) == 0 {
			continue // a server that wants no key
		}
		if slices.ContainsFunc(credentials, func(have credential) bool { return have.id() == c.id() }) {
			l.notes.add(d.line, "model_list", "a key is used once: the model group has it twice for the same model")
			continue
		}
		names := map[string]bool{}
		for _, have := range credentials {
			names[have.name] = true
		}
		c.name = keyName(d.keyName, names)
		credentials = append(credentials, c)
	}
	key := fmt.Sprint(set[0].place)
	for _, c := range credentials {
		key += "|" + c.id()
	}
	if limited {
		key += "|" + group + "|" + set[0].model
	}
	if made[key] == nil {
		made[key] = &account{place: set[0].place, name: l.id("provider", set[0].place.kind, "provider"), credentials: credentials}
		l.providers = append(l.providers, made[key])
	}
	return made[key]
}

// keyName names a credential by its variable.
func keyName(variable string, taken map[string]bool) string {
	d := draft{named: map[string]map[string]bool{"": taken}}
	return d.id("", variable, "main")
}

// calls notes what the vendor calls a model; false if it stands for something else.
func (p *account) calls(model, name string) bool {
	for _, d := range p.deployments {
		if d[0] == model {
			return d[1] == name
		}
	}
	p.deployments = append(p.deployments, [2]string{model, name})
	return true
}

// lower numbers the priorities of a model from 1.
func (l *litellm) lower(m *logical) {
	var orders []int
	for _, t := range m.targets {
		orders = append(orders, t.priority)
	}
	slices.Sort(orders)
	orders = slices.Compact(orders)
	for i := range m.targets {
		m.targets[i].priority = slices.Index(orders, m.targets[i].priority) + 1
	}
}

// waits takes the longest patience of a group's deployments, else the router's.
func (l *litellm) waits(m *logical, ds []deployment) {
	said := [2][]string{}
	for _, d := range ds {
		for i := range said {
			said[i] = append(said[i], d.timeouts[i])
		}
	}
	for i, field := range []string{"total", "first_byte"} {
		texts := slices.Compact(slices.Sorted(slices.Values(said[i])))
		if len(texts) > 1 {
			l.notes.add(m.line, "model_list", "the deployments of %q have different times; all get the longest for %s", m.asked, field)
		}
		text := longest(texts)
		if text == "" {
			keys := map[string][]string{"total": {"timeout", "request_timeout"}, "first_byte": {"stream_timeout"}}[field]
			for _, key := range keys {
				if n, path := l.setting(key); n != nil && text == "" {
					text = l.seconds(n, path)
				}
			}
		}
		m.timeouts = put(m.timeouts, field, text)
	}
}

func longest(seconds []string) string {
	most, of := 0.0, ""
	for _, s := range seconds {
		var v float64
		if _, err := fmt.Sscanf(strings.TrimSuffix(s, "s"), "%g", &v); err == nil && v > most {
			most, of = v, s
		}
	}
	return of
}
