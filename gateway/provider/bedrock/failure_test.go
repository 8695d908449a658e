package bedrock_test

import (
	"testing"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
)

func TestFailures(t *testing.T) {
	exception := func(name string) map[string]string {
		return map[string]string{"X-Amzn-Errortype": name + ":http://internal.amazon.com/coral/"}
	}
	providertest.Failures(t, newVendor(), map[string]providertest.Failure{
		"throttled": {
			Status: 429, Header: exception("ThrottlingException"), Body: `{"message":"Too many requests, please wait."}`,
			Class: provider.RateLimited, Message: "Too many requests",
		},
		"quota": {Status: 400, Header: exception("ServiceQuotaExceededException"), Body: `{"message":"Your quota is exceeded."}`, Class: provider.RateLimited},
		"typed in the body": {
			Status: 400, Body: `{"__type":"com.amazon.coral.service#ServiceQuotaExceededException","message":"no"}`, Class: provider.RateLimited, Message: "no",
		},
		"model not ready": {Status: 429, Header: exception("ModelNotReadyException"), Class: provider.ServerError},
		"model timeout":   {Status: 408, Header: exception("ModelTimeoutException"), Class: provider.ServerError},
		"model error":     {Status: 424, Header: exception("ModelErrorException"), Class: provider.ServerError},
		"denied": {
			Status: 403, Header: exception("AccessDeniedException"), Body: `{"Message":"User is not authorized to perform: bedrock:InvokeModel"}`,
			Class: provider.BadCredential, Message: "not authorized",
		},
		"expired":       {Status: 400, Header: exception("ExpiredTokenException"), Class: provider.BadCredential},
		"not signed":    {Status: 403, Header: exception("InvalidSignatureException"), Class: provider.BadCredential},
		"no such model": {Status: 404, Header: exception("ResourceNotFoundException"), Class: provider.BadCredential},
		"wrong model": {
			Status: 400, Header: exception("ValidationException"), Body: `{"message":"The provided model identifier is invalid."}`, Class: provider.ServerError,
		},
		"profile needed": {
			Status: 400, Header: exception("ValidationException"),
			Body:  `{"message":"Invocation of model ID x with on-demand throughput isn’t supported."}`,
			Class: provider.ServerError,
		},
		"invalid": {
			Status: 400, Header: exception("ValidationException"), Body: `{"message":"Malformed input request"}`,
			Class: provider.ClientError, Message: "Malformed",
		},
		"too long": {
			Status: 400, Header: exception("ValidationException"), Body: `{"message":"Input is too long for requested model."}`,
			Class: provider.TooLong, Code: "context_length_exceeded",
		},
	})
}
