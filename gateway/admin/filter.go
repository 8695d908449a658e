package admin

import (
	"encoding/json"
	"slices"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// condition is something that an object of a list must fulfil.
type condition func(control.View, map[string]any) bool

// filter is what a list is narrowed by.
type filter []condition

// filter reads what the lists of this sort can be narrowed by.
func (o objects) filter(p *params) filter {
	var f filter
	add := func(name string, c func(value string) condition) {
		if v := p.text(name); v != "" {
			f = append(f, c(v))
		}
	}
	switch o.sort {
	case events.ProviderSort:
		add("state", is("state", "enabled"))
		add("kind", is("kind", ""))
	case events.CredentialSort:
		add("state", is("state", "enabled"))
		add("provider", heldBy)
	case events.ModelSort:
		add("provider", answeredBy)
	case events.UserSort:
		add("role", is("role", "member"))
	case events.KeySort:
		add("state", is("state", "active"))
		add("tag", among("tags", false))
		add("user", is("user", ""))
		add("team", is("team", ""))
		add("model", among("models", true))
	case events.TokenSort:
		add("role", is("role", ""))
	}
	return f
}

func (f filter) wants(v control.View) bool {
	if len(f) == 0 {
		return true
	}
	var spec map[string]any
	if json.Unmarshal(v.Spec, &spec) != nil {
		return false
	}
	return !slices.ContainsFunc(f, func(c condition) bool { return !c(v, spec) })
}

// is asks for a value of a key; otherwise is what holds where it is left out.
func is(key, otherwise string) func(string) condition {
	return func(want string) condition {
		return func(_ control.View, spec map[string]any) bool {
			have, said := spec[key].(string)
			return have == want || !said && otherwise == want
		}
	}
}

// among asks for a value in a list; absent tells whether no list has every value.
func among(key string, absent bool) func(string) condition {
	return func(want string) condition {
		return func(_ control.View, spec map[string]any) bool {
			list, said := spec[key].([]any)
			return slices.Contains(list, any(want)) || !said && absent
		}
	}
}

// heldBy asks for credentials of a provider.
func heldBy(provider string) condition {
	return func(v control.View, _ map[string]any) bool { return control.OwnerOf(v.ID) == provider }
}

// answeredBy asks for models that have a target of a provider.
func answeredBy(provider string) condition {
	return func(_ control.View, spec map[string]any) bool {
		targets, _ := spec["targets"].([]any)
		return slices.ContainsFunc(targets, func(t any) bool {
			target, _ := t.(map[string]any)
			return target["provider"] == provider
		})
	}
}
