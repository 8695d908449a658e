package responses

import (
	"encoding/json"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/sse"
)

const errorEvent = "error"

// errorEventOut is the event of an error: the published members, and beside them
// the error as it stands in the body of a refusal, where some libraries look.
type errorEventOut struct {
	Type     string          `json:"type"` // error
	Sequence int             `json:"sequence_number"`
	Code     *string         `json:"code"`
	Message  string          `json:"message"`
	Param    *string         `json:"param"`
	Error    json.RawMessage `json:"error"`
}

// appendError ends a stream that broke, after which no client takes it for whole.
func appendError(dst []byte, e *gateway.Error, sequence int) []byte {
	_, body := openai.ErrorBody(e)
	var w struct {
		Error json.RawMessage `json:"error"`
	}
	var inner struct {
		Code  *string `json:"code"`
		Param *string `json:"param"`
	}
	if json.Unmarshal(body, &w) == nil {
		_ = json.Unmarshal(w.Error, &inner) // it was made just now
	}
	return sse.AppendEvent(dst, errorEvent, marshal(errorEventOut{
		Type: errorEvent, Sequence: sequence, Code: inner.Code, Message: e.Public, Param: inner.Param, Error: w.Error,
	}))
}

// billName begins the comment that tells a stream's client its bill.
const billName = "x_llmhub"

type billOut struct {
	CostNanoUSD *int64           `json:"cost_nano_usd"` // null: the price is not known
	RequestID   events.RequestID `json:"request_id"`
}

func appendBill(dst []byte, b provider.Bill) []byte {
	return sse.AppendComment(dst, append([]byte(billName+" "), marshal(billOut{b.CostNanoUSD, b.Request})...))
}
