package control

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Names of what is derived where nothing is configured.
const (
	defaultTenant = "default"
	defaultKey    = "default"
	ollama        = "ollama"
)

// ErrNoVendor says that the environment names no vendor.
var ErrNoVendor = errors.New("no vendor found")

// FromEnvironment makes a configuration of what it finds: vendors whose usual
// environment variable is set, in the order of [Loader.Kinds], and a local Ollama.
// probe lists the models of a server at a base URL, or fails if there is none; nil
// looks for none. The logical models smart, fast, cheap and any are derived, each
// with every vendor found, and there is one tenant with one generated key.
func (l *Loader) FromEnvironment(probe func(baseURL string) ([]string, error)) (*Wanted, []Notice, error) {
	e := finding{document: document{name: "environment"}}
	for _, k := range l.Kinds {
		e.vendor(k, l.Env)
		e.cloud(k, l)
		if k.Name == ollama && probe != nil {
			e.local(k, probe)
		}
	}
	if len(e.file.Providers) == 0 && len(e.wrong) == 0 {
		return nil, nil, fmt.Errorf("%w: set %s, start Ollama, or give a configuration file", ErrNoVendor, strings.Join(usualVariables(l.Kinds), ", "))
	}
	e.models()
	e.file.Tenants = []tenantDoc{{Name: defaultTenant, Keys: []keyDoc{{Name: defaultKey}}}}
	w, err := l.finish(&e.document)
	return w, e.notices, err
}

// usualVariables names a few of the variables that vendors are found by.
func usualVariables(kinds []Kind) []string {
	const few = 3
	var out []string
	for _, k := range kinds {
		if len(k.EnvKeys) > 0 && len(out) < few {
			out = append(out, k.EnvKeys[0])
		}
	}
	return append(out, "...")
}

// finding is a configuration being made of what is found.
type finding struct {
	document
	notices []Notice
	found   []Kind // with their models
}

func (e *finding) vendor(k Kind, env func(string) (string, bool)) {
	for _, name := range k.EnvKeys {
		if env == nil {
			return
		}
		value, set := env(name)
		if !set || value == "" {
			continue
		}
		c := credentialDoc{Name: unnamedCredential}
		if err := c.APIKey.parse(value); err != nil {
			e.mistake(name, "%s", err)
			return
		}
		e.add(k, []credentialDoc{c})
		e.notices = append(e.notices, Notice{Text: fmt.Sprintf("found %s by %s", k.Name, name)})
		return
	}
}

func (e *finding) local(k Kind, probe func(string) ([]string, error)) {
	models, err := probe(k.BaseURL)
	if err != nil || len(models) == 0 {
		return
	}
	var model vendorModel
	if err := model.parse(models[0]); err != nil {
		e.mistake(k.Name, "lists a model whose name %s", err)
		return
	}
	k.Models = Tiers{Smart: models[0], Fast: models[0], Cheap: models[0]}
	e.add(k, nil)
	e.notices = append(e.notices, Notice{Text: fmt.Sprintf("found %s at %s, using its model %s", k.Name, k.BaseURL, models[0])})
}

func (e *finding) add(k Kind, credentials []credentialDoc) {
	e.file.Providers = append(e.file.Providers, providerDoc{Name: id(k.Name), Kind: vendorKind(k.Name), Credentials: credentials})
	e.found = append(e.found, k)
}

// models derives the logical models. any takes the cheapest first, but everything
// that can answer.
func (e *finding) models() {
	smart, fast, cheap := e.tier(func(t Tiers) string { return t.Smart }), e.tier(func(t Tiers) string { return t.Fast }), e.tier(func(t Tiers) string { return t.Cheap })
	for _, m := range []struct {
		name    modelName
		targets []targetDoc
	}{{"smart", smart}, {"fast", fast}, {"cheap", cheap}, {"any", slices.Concat(cheap, fast, smart)}} {
		if targets := inOrder(m.targets); len(targets) > 0 {
			e.file.Models = append(e.file.Models, modelDoc{Name: m.name, Targets: targets})
		}
	}
}

func (e *finding) tier(of func(Tiers) string) []targetDoc {
	var out []targetDoc
	for _, k := range e.found {
		if model := of(k.Models); model != "" {
			out = append(out, targetDoc{Provider: reference(k.Name), Model: vendorModel(model)})
		}
	}
	return out
}

// inOrder gives each target the priority of its place, without repetitions.
func inOrder(targets []targetDoc) []targetDoc {
	var out []targetDoc
	for _, t := range targets {
		if slices.ContainsFunc(out, func(o targetDoc) bool { return o.Provider == t.Provider && o.Model == t.Model }) {
			continue
		}
		t.Priority = new(positive(len(out) + 1))
		out = append(out, t)
	}
	return out
}
