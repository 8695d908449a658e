package fakellm

import (
	"fmt"
	"net/http"
	"strconv"
)

type cohereError struct {
	ID      string `json:"id"`
	Message string `json:"message"`
}

func cohereFail(c *call, f *failure, h http.Header) []byte {
	f.setRetryAfter(h)
	return compactJSON(cohereError{ID: c.ids.next("", cohereIDSize), Message: cohereMessageOf(c, f)})
}

// cohereFault ends a stream as the vendor does when it fails.
func cohereFault(_ *call, _ *failure) []byte {
	return anthropicEvent("message-end", cohereEvent{
		Type: "message-end", Delta: compactJSON(map[string]any{"finish_reason": "ERROR", "error": "internal server error"}),
	})
}

func cohereMessageOf(c *call, f *failure) string {
	switch f.reason {
	case reasonNoKey:
		return "no api key supplied"
	case reasonBadKey:
		return "invalid api token"
	case reasonContext:
		return fmt.Sprintf("too many tokens: size limit exceeded by %d tokens. Try using shorter or fewer inputs, or setting prompt_truncation='AUTO'.", contextAsked-contextLimit)
	}
	if f.message != "" {
		return f.message
	}
	switch f.status {
	case http.StatusUnauthorized:
		return "invalid api token"
	case http.StatusNotFound:
		return fmt.Sprintf("model '%s' not found, make sure the correct model ID was used and that you have access to the model.", c.baseModel())
	case http.StatusTooManyRequests:
		return "You are past the per minute request limit, please wait and try again later."
	}
	if f.status >= http.StatusInternalServerError {
		return "internal server error"
	}
	return statusText(f.status)
}

// cohereLimits says what is left of the limits: of requests only.
func cohereLimits(h http.Header, a *allowance) {
	if a.requests.set {
		h.Set("X-Trial-Endpoint-Call-Limit", strconv.FormatInt(a.requests.n, 10))
		h.Set("X-Trial-Endpoint-Call-Remaining", strconv.FormatInt(a.requestsLeft, 10))
	}
}

type cohereModelObject struct {
	Name      string   `json:"name"`
	Endpoints []string `json:"endpoints"`
	Context   int64    `json:"context_length"`
}

func cohereModelOf(name string) cohereModelObject {
	return cohereModelObject{Name: name, Endpoints: []string{"chat", "embed", "rerank"}, Context: 1 << 17}
}

func cohereModel(name string) []byte { return compactJSON(cohereModelOf(name)) }

func cohereModels(names []string) []byte {
	var list struct {
		Models []cohereModelObject `json:"models"`
	}
	for _, n := range names {
		list.Models = append(list.Models, cohereModelOf(n))
	}
	return compactJSON(list)
}
