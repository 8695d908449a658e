package provider

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
)

// ModelLister is a vendor that tells which models an account can use.
type ModelLister interface {
	// PrepareModels makes the vendor's request for their names, which [ReadModels] reads
	// in the answer. t has no model. A *gateway.Error of kind Invalid means that this
	// account cannot be asked.
	PrepareModels(t Target) (*Outbound, error)
}

// AskModels is a request for a list at an address.
func AskModels(address string, h http.Header) *Outbound {
	return &Outbound{Method: http.MethodGet, URL: address, Header: h}
}

// ReadModels gives the names in a list of models, sorted, in any vendor's words.
func ReadModels(body []byte) ([]string, error) {
	type named struct{ ID, Name string }
	var list struct {
		Data   []named // OpenAI, Anthropic
		Models []named // Google, Cohere
	}
	if err := json.Unmarshal(body, &list); err != nil {
		if json.Unmarshal(body, &list.Data) != nil { // some give the list alone
			return nil, err
		}
	}
	if list.Data == nil && list.Models == nil {
		return nil, errors.New("the answer has no list of models")
	}
	names := []string{}
	for _, m := range list.Data {
		names = append(names, m.ID)
	}
	for _, m := range list.Models {
		names = append(names, strings.TrimPrefix(m.Name, "models/"))
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
	slices.Sort(names)
	return slices.Compact(names), nil
}
