package foreign

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

const minKey = 32 // of a virtual key that applications show, in bytes

// master makes a virtual key of the master key, so that applications that show it go
// on working; it administers nothing.
func (l *litellm) master() {
	const path = "general_settings.master_key"
	n := l.root.get("general_settings").get("master_key")
	text := l.text(n, path)
	switch {
	case text == "":
		l.keys[litellmTenant] = append(l.keys[litellmTenant], obj{{Key: "name", Value: l.id("key", "applications", "")}})
		return
	case isReference(text):
	case len(text) < minKey || len(text) > 256 || strings.ContainsFunc(text, func(r rune) bool { return r < '!' || r > '~' }):
		l.notes.add(n.line, path, "is not carried over: a key has at least %d visible characters. Applications need a new one, which apply shows", minKey)
		l.keys[litellmTenant] = append(l.keys[litellmTenant], obj{{Key: "name", Value: l.id("key", "applications", "")}})
		return
	default:
		text = hashed(text)
	}
	l.notes.add(n.line, path, "becomes a virtual key: applications go on with it. The hub itself is administered with its own token")
	l.keys[litellmTenant] = append(l.keys[litellmTenant], obj{{Key: "name", Value: l.id("key", "master", "")}, {Key: "key", Value: text}})
}

// virtualKeys reads the keys of LiteLLM's database, which has their SHA-256.
func (l *litellm) virtualKeys(f File) error {
	if len(f.Data) == 0 {
		return nil
	}
	root, err := readTree(f.Name, f.Data)
	if err != nil {
		return err
	}
	config := l.notes
	l.notes = &notes{file: f.Name}
	defer func() { config.list = append(config.list, l.notes.list...); l.notes = config }()
	rows := root.items
	if root.get("keys") != nil {
		rows = root.get("keys").items
	}
	if n := root.get("total_pages"); n != nil && n.string() != "1" && n.string() != "0" {
		l.notes.add(n.line, "total_pages", "there are more pages: ask for all of them and put their keys into one list")
	}
	for i, k := range rows {
		l.virtualKey(k, fmt.Sprintf("keys[%d]", i))
	}
	return nil
}

func (l *litellm) virtualKey(k *node, path string) {
	hash := k.get("token").string()
	if !sha256Hex.MatchString(hash) {
		l.notes.add(k.line, path, "is not carried over: it has no token, a SHA-256. Ask with return_full_object=true")
		return
	}
	one := obj{{Key: "name", Value: l.id("key", k.get("key_alias").string(), "key")}, {Key: "key", Value: "sha256:" + hash}}
	if models, all := l.allowed(k, path); !all {
		if len(models) == 0 {
			l.notes.add(k.line, path, "is not carried over: it may use no model that is")
			return
		}
		one = put(one, "models", models)
	}
	limits := l.cost(k, path)
	for _, limit := range []struct{ from, per, what string }{
		{"rpm_limit", "minute", "requests"}, {"tpm_limit", "minute", "tokens"}, {"max_parallel_requests", "", "concurrency"},
	} {
		if v, ok := k.get(limit.from).whole(); ok {
			limits = append(limits, append(put(obj{}, "per", limit.per), obj{{Key: limit.what, Value: v}}...))
		}
	}
	one = put(one, "limits", limits)
	expires, ok := l.expiry(k)
	if !ok {
		l.notes.add(k.get("expires").at(k), path+".expires", "the key is not carried over: this is not a time")
		return
	}
	one = put(one, "expires", expires)
	if k.get("blocked").yes() {
		one = put(one, "state", "paused")
	}
	if team := k.get("team_id").string(); team != "" {
		one = put(one, "tags", []any{slug("team-"+team, "team", maxID, "")})
		l.notes.add(k.line, path+".team_id", "becomes a tag: limits of the team are not carried over")
	}
	if err := l.refused(obj{{Key: "tenants", Value: []any{obj{{Key: "name", Value: litellmTenant}, {Key: "keys", Value: []any{without(one, "models")}}}}}}); err != nil {
		l.notes.add(k.line, path, "is not carried over: %s", reason(err))
		return
	}
	if slices.ContainsFunc(l.keys[litellmTenant], func(have obj) bool {
		return have[len(have)-1].Value == one[1].Value || len(have) > 1 && have[1].Value == one[1].Value
	}) {
		l.notes.add(k.line, path, "is not carried over: it is there already")
		return
	}
	if spent := k.get("spend").string(); spent != "" && strings.Trim(spent, "0.") != "" {
		l.notes.add(k.line, path+".spend", "is not carried over: budgets begin anew")
	}
	l.keys[litellmTenant] = append(l.keys[litellmTenant], one)
}

// allowed are the models that a key may use.
func (l *litellm) allowed(k *node, path string) (models []any, all bool) {
	list := k.get("models").elements()
	for _, e := range list {
		name := e.string()
		if name == "all-proxy-models" || name == "*" {
			return nil, true
		}
		m := l.group(name)
		if m == nil {
			l.notes.add(e.at(k), path+".models", "model %q is not carried over: there is no such model group", name)
			continue
		}
		if !slices.Contains(models, any(m.name)) {
			models = append(models, m.name)
		}
	}
	return models, len(list) == 0
}

// expiry is the end of a key in the words of hub.yaml, empty if it has none.
func (l *litellm) expiry(k *node) (text string, ok bool) {
	if text = k.get("expires").string(); text == "" {
		return "", k.get("expires") == nil || k.get("expires").shape == single
	}
	return moment(text)
}

func without(o obj, key string) obj {
	out := obj{}
	for _, item := range o {
		if item.Key != key {
			out = append(out, item)
		}
	}
	return out
}
