package fakellm

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

type geminiError struct {
	Error struct {
		Code    int              `json:"code"`
		Message string           `json:"message"`
		Status  string           `json:"status"`
		Details []map[string]any `json:"details,omitempty"`
	} `json:"error"`
}

func geminiFail(c *call, f *failure, _ http.Header) []byte {
	body := indentedJSON(geminiErrorOf(c, f))
	if c.array {
		return append(append([]byte("["), body...), ']')
	}
	return body
}

func geminiFault(c *call, f *failure) []byte {
	if !c.array {
		return sseData(compactJSON(geminiErrorOf(c, f)), geminiEOL)
	}
	return append(append([]byte(",\r\n"), indentedJSON(geminiErrorOf(c, f))...), ']')
}

func geminiErrorOf(c *call, f *failure) geminiError {
	var out geminiError
	e := &out.Error
	e.Code = geminiHTTPStatus(f)
	e.Status, e.Message = geminiStatus(e.Code), geminiMessage(c, f)
	const domain = "type.googleapis.com/google.rpc."
	if f.reason == reasonBadKey {
		e.Details = []map[string]any{{
			"@type": domain + "ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com",
			"metadata": map[string]string{"service": "generativelanguage.googleapis.com"},
		}, {
			"@type": domain + "LocalizedMessage", "locale": "en-US", "message": e.Message,
		}}
	}
	if f.status == http.StatusTooManyRequests {
		e.Details = append(e.Details, map[string]any{
			"@type":      domain + "QuotaFailure",
			"violations": []map[string]string{{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}},
		})
	}
	if f.after > 0 {
		e.Details = append(e.Details, map[string]any{
			"@type": domain + "RetryInfo", "retryDelay": strconv.FormatInt(int64(f.after/time.Second), 10) + "s",
		})
	}
	return out
}

// geminiHTTPStatus: a missing key is 403 here, and a bad one 400.
func geminiHTTPStatus(f *failure) int {
	switch f.reason {
	case reasonNoKey:
		return http.StatusForbidden
	case reasonBadKey:
		return http.StatusBadRequest
	}
	return f.status
}

func geminiStatus(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "INVALID_ARGUMENT"
	case http.StatusUnauthorized:
		return "UNAUTHENTICATED"
	case http.StatusForbidden:
		return "PERMISSION_DENIED"
	case http.StatusNotFound:
		return "NOT_FOUND"
	case http.StatusConflict:
		return "ABORTED"
	case http.StatusTooManyRequests:
		return "RESOURCE_EXHAUSTED"
	case http.StatusInternalServerError:
		return "INTERNAL"
	case http.StatusServiceUnavailable:
		return "UNAVAILABLE"
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return "DEADLINE_EXCEEDED"
	}
	return "UNKNOWN"
}

func geminiMessage(c *call, f *failure) string {
	switch {
	case f.message != "":
		return f.message
	case f.reason == reasonNoKey:
		return "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API."
	case f.reason == reasonBadKey:
		return "API key not valid. Please pass a valid API key."
	case f.reason == reasonContext:
		return fmt.Sprintf("The input token count (%d) exceeds the maximum number of tokens allowed (%d).", contextAsked, contextLimit)
	}
	switch f.status {
	case http.StatusNotFound:
		return "models/" + c.baseModel() + " is not found for API version v1beta, or is not supported for generateContent."
	case http.StatusTooManyRequests:
		return "You exceeded your current quota, please check your plan and billing details."
	case http.StatusInternalServerError:
		return "An internal error has occurred. Please retry."
	case http.StatusServiceUnavailable:
		return "The model is overloaded. Please try again later."
	}
	return statusText(f.status)
}
