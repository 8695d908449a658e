package openai

import (
	"bytes"
	"encoding/json"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
	"github.com/llm-hub/llm-hub/gateway/provider/sse"
)

// billName is the member, or the comment, that tells a stream's client its bill.
const billName = "x_llmhub"

type wireBill struct {
	CostNanoUSD *int64           `json:"cost_nano_usd"` // null: the price is not known
	RequestID   events.RequestID `json:"request_id"`
}

// appendTrailer ends a stream: the usage chunk with the bill in it, or a comment
// with the bill if there is no chunk, and the terminator.
func appendTrailer(dst, usageChunk []byte, b provider.Bill) []byte {
	bill, err := json.Marshal(wireBill{CostNanoUSD: b.CostNanoUSD, RequestID: b.Request})
	if err != nil { // a number and an id always encode
		bill = []byte("{}")
	}
	if usageChunk == nil {
		dst = sse.AppendComment(dst, append([]byte(billName+" "), bill...))
	} else {
		dst = sse.AppendData(dst, withMember(usageChunk, billName, bill))
	}
	return sse.AppendData(dst, []byte(done))
}

// withMember adds a member at the end of an object.
func withMember(object []byte, name string, value []byte) []byte {
	member := append(append(rawjson.Quote(name), ':'), value...)
	if obj := rawjson.NewObject(object); obj.Next() {
		member = append([]byte{','}, member...)
	}
	at := bytes.LastIndexByte(object, '}')
	return rawjson.Apply(object, rawjson.Edit{From: at, To: at, With: member})
}

// appendAbort ends a stream that broke: an error event and no terminator, so that
// no client takes it for whole.
func appendAbort(dst []byte, e *gateway.Error) []byte {
	_, body := ErrorBody(e)
	return sse.AppendData(dst, body)
}
