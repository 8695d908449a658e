package gemini

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
)

type wireFailure struct {
	Error struct {
		Status  string       `json:"status"`
		Details []wireDetail `json:"details"`
	} `json:"error"`
}

type wireDetail struct {
	Reason     string `json:"reason"`     // ErrorInfo
	RetryDelay string `json:"retryDelay"` // RetryInfo, e.g. 2s
	Violations []struct {
		QuotaID string `json:"quotaId"`
	} `json:"violations"` // QuotaFailure
}

// Failure implements [chat.Wire]. Gemini tells a bad key by 400, and how long to
// wait in the body.
func (Wire) Failure(status int, h http.Header, body []byte) *provider.Failure {
	f := failure.Classify(status, h, failure.Read(body))
	w := readFailure(body)
	for _, d := range w.Error.Details {
		if d.Reason == "API_KEY_INVALID" {
			f.Class = provider.BadCredential
		}
		if f.RetryAfter == 0 {
			f.RetryAfter = failure.ParseWait(d.RetryDelay)
		}
		for _, v := range d.Violations {
			if f.Class == provider.RateLimited && strings.Contains(v.QuotaID, "PerDay") {
				f.RetryAfter = max(f.RetryAfter, failure.Exhausted)
			}
		}
	}
	if f.Class == provider.ClientError && w.Error.Status == "FAILED_PRECONDITION" {
		f.Class = provider.BadCredential // the account's country or billing, not the request
	}
	return f
}

// readFailure finds the error in a body, which a stream wraps in a list.
func readFailure(body []byte) wireFailure {
	var list []wireFailure
	if json.Unmarshal(body, &list) == nil && len(list) > 0 {
		return list[0]
	}
	var one wireFailure
	if json.Unmarshal(body, &one) != nil {
		return wireFailure{}
	}
	return one
}
