// Package vertex is the models of Google's cloud: those of Google in Gemini's wire
// format (package gemini), those of Anthropic in Anthropic's (package anthropic),
// and those of others in OpenAI's (package openai), each behind the address of a
// project.
//
// A model is named as its publisher does, "gemini-2.5-pro" or
// "claude-sonnet-4-5@20250929", or with the publisher before it, as
// "meta/llama-4-maverick-17b-128e-instruct-maas" must be.
//
// To Anthropic's models the version of their API goes in the body, and the name of
// the model in the address only. Signatures of Claude hold here and at Anthropic
// alike; whether those of Gemini do is not promised, so they are not mixed.
//
// Who asks proves it by a service account, whose key signs for access tokens, by a
// token that somebody else renews, or, in express mode and without a project, by
// an API key.
package vertex

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// The publishers whose models have a wire format of their own.
const (
	google    = "google"
	anthropic = "anthropic"
)

// Publishers are the adapters of the wire formats.
type Publishers struct {
	Google    provider.Vendor
	Anthropic provider.Vendor
	Others    provider.Vendor
}

type vendor struct{ Publishers }

var _ provider.TokenCounter = vendor{}

// New is the adapter. It is a [provider.TokenCounter] as far as the adapters are.
func New(p Publishers) provider.Vendor { return vendor{p} }

// publisherOf splits the name of a model.
func publisherOf(model string) (publisher, name string) {
	if publisher, name, ok := strings.Cut(model, "/"); ok {
		return publisher, name
	}
	if strings.HasPrefix(model, "claude") {
		return anthropic, model
	}
	return google, model
}

// Prepare implements [provider.Vendor].
func (v vendor) Prepare(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	switch publisher, name := publisherOf(t.Model); publisher {
	case google:
		return v.Google.Prepare(in, below(t, google, name))
	case anthropic:
		out, err := v.Anthropic.Prepare(in, named(t, name))
		if err != nil {
			return nil, err
		}
		method := ":rawPredict"
		if in.Stream {
			method = ":streamRawPredict"
		}
		return raw(out, below(t, anthropic, name).BaseURL+"/models/"+url.PathEscape(name)+method, true)
	default:
		t.BaseURL += "/endpoints/openapi"
		return v.Others.Prepare(in, t)
	}
}

// PrepareCount implements [provider.TokenCounter].
func (v vendor) PrepareCount(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	publisher, name := publisherOf(t.Model)
	if counter, ok := v.Google.(provider.TokenCounter); ok && publisher == google {
		return counter.PrepareCount(in, below(t, google, name))
	}
	if counter, ok := v.Anthropic.(provider.TokenCounter); ok && publisher == anthropic {
		out, err := counter.PrepareCount(in, named(t, name))
		if err != nil {
			return nil, err
		}
		return raw(out, below(t, anthropic, name).BaseURL+"/models/count-tokens:rawPredict", false)
	}
	return nil, &gateway.Error{Kind: gateway.Invalid, Public: "The tokens of this model cannot be counted."}
}

// Failure implements [provider.Vendor]. Errors come in Google's shape or in that of
// the publisher; Google's adapter knows how to wait, and the words of all.
func (v vendor) Failure(status int, h http.Header, body []byte) *provider.Failure {
	return v.Google.Failure(status, h, body)
}

func named(t provider.Target, name string) provider.Target {
	t.Model = name
	return t
}

// below is where a publisher's models are.
func below(t provider.Target, publisher, name string) provider.Target {
	t.BaseURL += "/publishers/" + publisher
	return named(t, name)
}

// apiVersion is Anthropic's for this cloud.
const apiVersion = "vertex-2023-10-16"

// raw makes a call of Anthropic's API one that this cloud passes on.
func raw(out *provider.Outbound, address string, withoutModel bool) (*provider.Outbound, error) {
	out.URL = address
	out.Header.Del("Anthropic-Version")
	out.Header.Del("X-Api-Key")
	var edits []rawjson.Edit
	versioned := false
	obj := rawjson.NewObject(out.Body)
	for obj.Next() {
		from, to := obj.Span()
		switch string(obj.Key()) {
		case "model":
			if withoutModel {
				from, to = obj.Cut()
				edits = append(edits, rawjson.Edit{From: from, To: to})
			}
		case "anthropic_version":
			versioned = true
			edits = append(edits, rawjson.Edit{From: from, To: to, With: rawjson.Quote(apiVersion)})
		}
	}
	if err := obj.Err(); err != nil {
		return nil, &gateway.Error{Kind: gateway.Invalid, Public: "The request is not a JSON object.", Cause: err}
	}
	if !versioned { // a request has messages, so something stands before it
		at := obj.End() - 1
		edits = append(edits, rawjson.Edit{From: at, To: at, With: []byte(`,"anthropic_version":"` + apiVersion + `"`)})
	}
	out.Body = rawjson.Apply(out.Body, edits...)
	return out, nil
}
