package cohere

import (
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// ErrorBody is an error in Cohere's shape, which has nothing but words, and its
// status. The code, the field at fault and e.Detail stand beside them.
func ErrorBody(e *gateway.Error) (status int, body []byte) {
	code := e.Code
	if code == "" {
		code = string(e.Kind)
	}
	w := outError{Message: e.Public, Code: code, Param: e.Param, Detail: e.Detail}
	body, err := rawjson.Marshal(w)
	if err != nil { // the detail does not encode: it is left out
		w.Detail = nil
		body, _ = rawjson.Marshal(w) // texts always encode
	}
	return e.Kind.Status(), body
}

type outError struct {
	Message string `json:"message"`
	Code    string `json:"code"`
	Param   string `json:"param,omitempty"`
	Detail  any    `json:"detail,omitempty"`
}
