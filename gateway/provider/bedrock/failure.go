package bedrock

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
)

// typeHeader names the exception, with what follows a colon to be left out.
const typeHeader = "X-Amzn-Errortype"

// Failure implements [chat.Wire].
func (Wire) Failure(status int, h http.Header, body []byte) *provider.Failure {
	var w struct {
		Type    string `json:"__type"`
		Message string `json:"Message"` // or message: letters' case does not matter
	}
	_ = json.Unmarshal(body, &w) // what is no JSON says nothing
	words := failure.Read(body)
	if words.Message == "" {
		words.Message = failure.Clean(w.Message)
	}
	name := h.Get(typeHeader)
	if name == "" {
		name = w.Type
	}
	words.Type = exceptionOf(name)
	f := failure.Classify(status, h, words)
	refine(f, words)
	return f
}

// exceptionOf is the bare name in "com.amazonaws.x#ThrottlingException:http://...",
// or in "throttlingException", as streams have it.
func exceptionOf(name string) string {
	name, _, _ = strings.Cut(name, ":")
	name = name[strings.LastIndexByte(name, '#')+1:]
	if name == "" {
		return ""
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// refine classes by the exception what the status does not tell.
func refine(f *provider.Failure, w failure.Words) {
	said := strings.ToLower(w.Message)
	switch w.Type {
	case "ServiceQuotaExceededException":
		f.Class = provider.RateLimited
	case "ModelErrorException", "ModelNotReadyException", "ModelTimeoutException":
		f.Class = provider.ServerError
	case "ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException",
		"IncompleteSignatureException", "MissingAuthenticationTokenException", "AccessDeniedException":
		f.Class = provider.BadCredential
	case "ValidationException":
		// The target's model is wrong, which the client cannot help.
		if strings.Contains(said, "model identifier is invalid") || strings.Contains(said, "on-demand throughput isn") {
			f.Class = provider.ServerError
		}
	}
}

// told is the failure that an exception in a stream tells of.
func told(exception string, w failure.Words) *provider.Failure {
	w.Type = exceptionOf(exception)
	f := failure.Classify(statusOf(w.Type), nil, w)
	refine(f, w)
	f.Status = 0 // the answer's own was good
	return f
}

// statusOf is the status that an exception has where it is the whole answer.
func statusOf(exception string) int {
	switch exception {
	case "ThrottlingException":
		return http.StatusTooManyRequests
	case "ValidationException":
		return http.StatusBadRequest
	case "AccessDeniedException":
		return http.StatusForbidden
	case "ServiceUnavailableException":
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError // InternalServerException, ModelStreamErrorException
}
