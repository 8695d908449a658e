package foreign

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/llm-hub/llm-hub/gateway/control"
)

// obj is an object of hub.yaml: its keys in order.
type obj = yaml.MapSlice

// put adds a key that has a value.
func put(o obj, key string, value any) obj {
	switch v := value.(type) {
	case string:
		if v == "" {
			return o
		}
	case []any:
		if len(v) == 0 {
			return o
		}
	case obj:
		if len(v) == 0 {
			return o
		}
	case nil:
		return o
	}
	return append(o, yaml.MapItem{Key: key, Value: value})
}

// draft is the hub.yaml that comes of an import.
type draft struct {
	loader *control.Loader
	notes  *notes

	providers []*account
	models    []*logical
	prices    []any
	limits    []any // of the tenants
	users     map[string][]any
	keys      map[string][]obj
	tenants   []string
	named     map[string]map[string]bool // names in use, by what they are of
}

func newDraft(file string, loader *control.Loader) *draft {
	return &draft{
		loader: loader, notes: &notes{file: file},
		users: map[string][]any{}, keys: map[string][]obj{}, named: map[string]map[string]bool{},
	}
}

// account is a provider of hub.yaml.
type account struct {
	place
	name        string
	deployments [][2]string // model, and what the vendor calls it
	credentials []credential
	off         bool
}

// place is where a vendor is called.
type place struct{ kind, baseURL, region, project, location, version string }

// credential is a key of an account.
type credential struct {
	name   string
	proof  obj
	weight int64
	limits []any
	off    bool
}

// id tells credentials apart.
func (c credential) id() string { return fmt.Sprint(c.proof, c.weight, c.limits, c.off) }

// logical is a logical model.
type logical struct {
	line     int
	asked    string // its name in the other gateway
	name     string
	targets  []target
	timeouts obj
}

type target struct {
	provider *account
	model    string
	priority int
}

// has tells whether a vendor's model is a target already.
func (l *logical) has(t target) bool {
	return slices.ContainsFunc(l.targets, func(u target) bool { return u.provider == t.provider && u.model == t.model })
}

// lowest is the priority that is tried last, 0 without targets.
func (l *logical) lowest() int {
	lowest := 0
	for _, t := range l.targets {
		lowest = max(lowest, t.priority)
	}
	return lowest
}

const maxID = 40

// id makes a name of a text that nothing else of the sort has.
func (d *draft) id(sort, text, otherwise string) string {
	return d.unique(sort, slug(text, otherwise, maxID, ""), maxID)
}

// modelName makes the name of a logical model, which may have dots.
func (d *draft) modelName(text string) string {
	const longest = 64
	return d.unique("model", slug(text, "model", longest, "."), longest)
}

func slug(text, otherwise string, longest int, also string) string {
	s := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-' || strings.ContainsRune(also, r) {
			return r
		}
		return '-'
	}, strings.ToLower(text))
	for _, end := range []string{".", "-"} {
		for strings.Contains(s, end+end) {
			s = strings.ReplaceAll(s, end+end, end)
		}
	}
	s = strings.TrimLeft(s, "-_.")
	s = strings.TrimRight(s[:min(len(s), longest)], "-_.")
	if s == "" {
		return otherwise
	}
	return s
}

func (d *draft) unique(sort, name string, longest int) string {
	if d.named[sort] == nil {
		d.named[sort] = map[string]bool{}
	}
	fit := name
	for n := 2; d.named[sort][fit]; n++ {
		end := "-" + strconv.Itoa(n)
		fit = strings.TrimRight(name[:min(len(name), longest-len(end))], "-_.") + end
	}
	d.named[sort][fit] = true
	return fit
}

// tenant adds an organisation if it is not there.
func (d *draft) tenant(name string) string {
	if !slices.Contains(d.tenants, name) {
		d.tenants = append(d.tenants, name)
	}
	return name
}

func (p *account) object() obj {
	o := obj{{Key: "name", Value: p.name}, {Key: "kind", Value: p.kind}}
	for _, kv := range []struct{ key, value string }{
		{"base_url", p.baseURL}, {"region", p.region}, {"project", p.project}, {"location", p.location}, {"api_version", p.version},
	} {
		o = put(o, kv.key, kv.value)
	}
	var deployments, credentials []any
	for _, d := range p.deployments {
		deployments = append(deployments, obj{{Key: "model", Value: d[0]}, {Key: "name", Value: d[1]}})
	}
	for _, c := range p.credentials {
		one := append(obj{{Key: "name", Value: c.name}}, c.proof...)
		if c.weight > 1 {
			one = put(one, "weight", c.weight)
		}
		if one = put(one, "limits", c.limits); c.off {
			one = put(one, "state", "disabled")
		}
		credentials = append(credentials, one)
	}
	o = put(put(o, "deployments", deployments), "credentials", credentials)
	if p.off {
		o = put(o, "state", "disabled")
	}
	return o
}

func (l *logical) object() obj {
	var targets []any
	for _, t := range l.targets {
		one := obj{{Key: "provider", Value: t.provider.name}, {Key: "model", Value: t.model}}
		if t.priority > 1 {
			one = put(one, "priority", t.priority)
		}
		targets = append(targets, one)
	}
	return put(put(obj{{Key: "name", Value: l.name}}, "timeouts", l.timeouts), "targets", targets)
}

// file is the whole configuration.
func (d *draft) file() obj {
	var providers, models, tenants []any
	for _, p := range d.providers {
		providers = append(providers, p.object())
	}
	for _, m := range d.models {
		models = append(models, m.object())
	}
	for _, name := range d.tenants {
		var keys []any
		for _, k := range d.keys[name] {
			keys = append(keys, k)
		}
		one := put(obj{{Key: "name", Value: name}}, "limits", d.limits)
		tenants = append(tenants, put(put(one, "keys", keys), "users", d.users[name]))
	}
	o := put(put(put(obj{}, "providers", providers), "models", models), "tenants", tenants)
	return put(o, "settings", put(obj{}, "prices", d.prices))
}
