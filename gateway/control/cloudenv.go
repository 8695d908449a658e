package control

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider"
)

// cloud finds the account of a kind that is more than a key. What stands in the
// variables may be meant for something else of the same cloud, so what does not fit
// is told and left out.
func (e *finding) cloud(k Kind, l *Loader) {
	for _, form := range k.Account.Environment {
		found, names, ok := gather(form, l.Env)
		if !ok {
			continue
		}
		by := strings.Join(names, " and ")
		if err := e.account(k, form, found, l); err != nil {
			e.notices = append(e.notices, Notice{Text: fmt.Sprintf("%s is left out, although %s is there: %s", k.Name, by, err)})
			continue
		}
		e.notices = append(e.notices, Notice{Text: fmt.Sprintf("found %s by %s", k.Name, by)})
		return
	}
}

// modelKey is where gather puts the model of an account.
const modelKey = "model"

// gather looks for the variables of a form; false if one that it needs is not set.
func gather(form provider.Environment, env func(string) (string, bool)) (found map[string]string, names []string, ok bool) {
	if env == nil {
		return nil, nil, false
	}
	found = make(map[string]string)
	look := func(key string, variables []string) bool {
		for _, name := range variables {
			if value, _ := env(name); value != "" {
				found[key] = value
				names = append(names, name)
				return true
			}
		}
		return false
	}
	for key, variables := range form.Needs {
		if !look(key, variables) {
			return nil, nil, false
		}
	}
	slices.Sort(names)
	needed := slices.Clone(names) // the optional ones do not say that the cloud is meant
	for key, variables := range form.May {
		look(key, variables)
	}
	if form.Model != nil && !look(modelKey, form.Model) {
		return nil, nil, false
	}
	return found, needed, true
}

// account adds a provider of what was found, if its kind takes it.
func (e *finding) account(k Kind, form provider.Environment, found map[string]string, l *Loader) error {
	p := providerDoc{Name: id(k.Name), Kind: vendorKind(k.Name)}
	c := credentialDoc{Name: unnamedCredential}
	for key, value := range found {
		if key == form.File {
			var err error
			if value, err = (outside{}).content(value); err != nil {
				return err
			}
		}
		if key == modelKey {
			k.Models = Tiers{Smart: value, Fast: value, Cheap: value}
			continue
		}
		field, ok := fieldOf(reflect.ValueOf(&p).Elem(), key)
		if !ok {
			field, ok = fieldOf(reflect.ValueOf(&c).Elem(), key)
		}
		if !ok {
			return fmt.Errorf("%s is no key", key)
		}
		s, _ := field.Addr().Interface().(scalar) // as are all values that a variable can hold
		if err := s.parse(value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	if _, err := p.address(k); err != nil {
		return err
	}
	if _, err := l.authorizers.of(k, &p, &c); err != nil {
		return err
	}
	p.Credentials = []credentialDoc{c}
	e.file.Providers = append(e.file.Providers, p)
	e.found = append(e.found, k)
	return nil
}
