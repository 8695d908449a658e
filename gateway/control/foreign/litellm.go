package foreign

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/control"
)

// File is one file that is read.
type File struct {
	Name string
	Data []byte
}

// litellmTenant is the organisation that all of a proxy's keys are in.
const litellmTenant = "default"

// litellm reads a config.yaml.
type litellm struct {
	*draft
	root        *node
	routes      map[string]route
	deployments map[string][]deployment // by model group
	groups      []string                // in the order of the file
	priced      map[string]bool
}

// LiteLLM says a config.yaml in the words of hub.yaml. keys, if it has data, is the
// answer of LiteLLM's /key/list?return_full_object=true.
func LiteLLM(config, keys File, loader *control.Loader) (*Result, error) {
	root, err := readTree(config.Name, config.Data)
	if err != nil {
		return nil, err
	}
	l := &litellm{
		draft: newDraft(config.Name, loader), root: root, routes: routes(),
		deployments: map[string][]deployment{}, priced: map[string]bool{},
	}
	l.tenant(litellmTenant)
	l.modelList()
	l.accounts()
	l.aliases()
	l.fallbacks()
	l.settings()
	if err := l.virtualKeys(keys); err != nil {
		return nil, err
	}
	return l.finish("litellm")
}

// text is a value as hub.yaml has it: a reference to a variable stays one. What hub.yaml
// could not hold is noted and empty.
func (l *litellm) text(n *node, path string) string {
	text := n.string()
	if name, ok := strings.CutPrefix(text, "os.environ/"); ok {
		if name = strings.TrimSpace(name); !variableName.MatchString(name) {
			l.notes.add(n.line, path, "is not carried over: what follows os.environ/ is not the name of a variable")
			return ""
		}
		return "env:" + name
	}
	if isReference(text) || strings.HasPrefix(text, "sealed:") {
		l.notes.add(n.line, path, "is not carried over: hub.yaml would take its start for a reference")
		return ""
	}
	return text
}

// settings reads everything but the models.
func (l *litellm) settings() {
	for _, p := range l.root.pairs {
		switch p.key {
		case "model_list", "credential_list":
		case "router_settings":
			l.section(p, routerSettings())
		case "litellm_settings":
			l.section(p, litellmSettings())
		case "general_settings":
			l.section(p, generalSettings())
		case "environment_variables":
			for _, v := range p.value.pairs {
				l.notes.add(v.line, p.key+"."+v.key, "is not copied: set this variable in the environment of llm-hub")
			}
		case "include":
			l.notes.add(p.line, p.key, "other files are not followed: import each of them")
		default:
			l.notes.add(p.line, p.key, "is not carried over: llm-hub has nothing of the kind")
		}
	}
	l.budget()
	l.master()
	l.concurrency()
}

// section notes the settings of a section: elsewhere read ones by nothing, known ones
// by their reason, all others by saying that they are not known.
func (l *litellm) section(p pair, known map[string]string) {
	for _, s := range p.value.pairs {
		why, ok := known[s.key]
		switch {
		case !ok:
			l.notes.add(s.line, p.key+"."+s.key, "is not carried over: llm-hub has nothing of the kind")
		case why != "":
			l.notes.add(s.line, p.key+"."+s.key, "%s", why)
		}
	}
}

// setting is a value of the router's settings, which count before the library's.
func (l *litellm) setting(key string) (*node, string) {
	for _, section := range []string{"router_settings", "litellm_settings"} {
		if n := l.root.get(section).get(key); n != nil {
			return n, section + "." + key
		}
	}
	return nil, ""
}

// aliases add the other names of model groups.
func (l *litellm) aliases() {
	n, path := l.setting("model_group_alias")
	if n == nil {
		return
	}
	for _, p := range n.pairs {
		of := p.value.string()
		if p.value.get("model") != nil {
			of = p.value.get("model").string()
		}
		m := l.group(of)
		if m == nil {
			l.notes.add(p.line, path+"."+p.key, "is not carried over: there is no such model group")
			continue
		}
		alias := *m
		alias.asked, alias.line, alias.targets = p.key, p.line, slices.Clone(m.targets)
		alias.name = l.renamed(p.key, p.line, path+"."+p.key)
		l.models = append(l.models, &alias)
	}
}

// group finds a model by the name it had.
func (l *litellm) group(name string) *logical {
	i := slices.IndexFunc(l.models, func(m *logical) bool { return m.asked == name })
	if i < 0 {
		return nil
	}
	return l.models[i]
}

// renamed makes the name of a logical model, and notes if applications must ask by another.
func (l *litellm) renamed(asked string, line int, path string) string {
	name := l.modelName(asked)
	if name != asked {
		l.notes.add(line, path, "applications must ask for %q: a logical model's name has only a-z, 0-9, _, - and dots", name)
	}
	return name
}

// fallbacks put the targets of other groups behind a group's own.
func (l *litellm) fallbacks() {
	own := map[*logical][]target{}
	for _, m := range l.models {
		own[m] = slices.Clone(m.targets)
	}
	led := map[*logical]bool{}
	n, path := l.setting("fallbacks")
	for i, e := range n.elements() {
		for _, p := range e.pairs {
			where := fmt.Sprintf("%s[%d].%s", path, i, p.key)
			m := l.group(p.key)
			switch {
			case p.key == "*":
				for _, m := range l.models {
					l.fallBack(m, p.value, where, own)
				}
			case m == nil:
				l.notes.add(p.line, where, "is not carried over: there is no such model group")
			default:
				led[m] = true
				l.fallBack(m, p.value, where, own)
			}
		}
	}
	n, path = l.setting("default_fallbacks")
	for _, m := range l.models {
		if !led[m] && n != nil {
			l.fallBack(m, n, path, own)
		}
	}
}

func (l *litellm) fallBack(m *logical, to *node, path string, own map[*logical][]target) {
	for _, e := range to.elements() {
		other := l.group(e.string())
		if other == nil {
			l.notes.add(e.at(to), path, "a fallback is not carried over: there is no such model group")
			continue
		}
		behind := m.lowest()
		for _, t := range own[other] {
			if t.priority += behind; !m.has(t) {
				m.targets = append(m.targets, t)
			}
		}
	}
}

// budget is that of the whole proxy.
func (l *litellm) budget() {
	holder := l.root.get("litellm_settings")
	l.limits = append(l.limits, l.cost(holder, "litellm_settings")...)
}

// cost is the limit that max_budget and budget_duration of a holder say.
func (l *litellm) cost(holder *node, path string) []any {
	n := holder.get("max_budget")
	if n == nil || n.string() == "" {
		return nil
	}
	amount, _, ok := nearestUSD(n.string(), 1)
	per, exact, spanned := span(holder.get("budget_duration").string())
	switch {
	case !ok || !spanned || amount == "0":
		l.notes.add(n.at(holder), path+".max_budget", "is not carried over: llm-hub has amounts above 0 per minute, hour, day, week, month or for life")
		return nil
	case !exact:
		l.notes.add(n.at(holder), path+".budget_duration", "becomes a month of the calendar")
	}
	return []any{obj{{Key: "per", Value: per}, {Key: "cost_usd", Value: amount}}}
}

// concurrency bounds the requests of the whole proxy that run at once.
func (l *litellm) concurrency() {
	if n := l.root.get("general_settings").get("global_max_parallel_requests"); n != nil {
		if v, ok := n.whole(); ok {
			l.limits = append(l.limits, obj{{Key: "concurrency", Value: v}})
			return
		}
		l.notes.add(n.line, "general_settings.global_max_parallel_requests", "is not carried over: it is not a whole number above 0")
	}
}

// seconds is a duration of hub.yaml, empty if n is none.
func seconds(n *node) string {
	v, err := strconv.ParseFloat(n.string(), 64)
	const most = 24 * 3600
	if err != nil || v < 0.001 || v > most {
		return ""
	}
	return strconv.FormatFloat(v, 'f', -1, 64) + "s"
}
