package gemini

import (
	"bytes"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// frames writes the chunks of a stream: as events that end in CRLF like Google's
// own, or as the elements of one JSON array. There are no comments in either: some
// of Google's own libraries take every line for data.
type frames struct{ array, begun bool }

// chunk appends a chunk, which must be on one line in a stream of events.
func (f *frames) chunk(dst, data []byte) []byte {
	if !f.array {
		dst = append(append(dst, "data: "...), data...)
		return append(dst, "\r\n\r\n"...)
	}
	separator := "["
	if f.begun {
		separator = ",\r\n"
	}
	f.begun = true
	return append(append(dst, separator...), data...)
}

// end closes the stream; a stream of events just stops.
func (f *frames) end(dst []byte) []byte {
	switch {
	case !f.array:
		return dst
	case !f.begun:
		return append(dst, "[]\n"...)
	}
	return append(dst, "\n]\n"...)
}

// abort ends a stream that broke: the last chunk is the error.
func (f *frames) abort(dst []byte, e *gateway.Error) []byte {
	_, body := ErrorBody(e)
	return f.end(f.chunk(dst, body))
}

// billName is the member of the last chunk that tells the client its bill.
const billName = "x_llmhub"

type wireBill struct {
	CostNanoUSD *int64           `json:"cost_nano_usd"` // null: the price is not known
	RequestID   events.RequestID `json:"request_id"`
}

// last appends the last chunk with the bill in it and closes the stream.
func (f *frames) last(dst, data []byte, b provider.Bill) []byte {
	bill := marshal(wireBill{CostNanoUSD: b.CostNanoUSD, RequestID: b.Request})
	member := append(append(rawjson.Quote(billName), ':'), bill...)
	if obj := rawjson.NewObject(data); obj.Next() {
		member = append([]byte{','}, member...)
	}
	at := bytes.LastIndexByte(data, '}')
	return f.end(f.chunk(dst, rawjson.Apply(data, rawjson.Edit{From: at, To: at, With: member})))
}

// oneLine puts JSON that came in several lines into one: outside of strings a line
// end is white space, and within them it cannot be.
func oneLine(data []byte) []byte {
	if bytes.IndexByte(data, '\n') < 0 {
		return data
	}
	return bytes.ReplaceAll(data, []byte("\n"), []byte(" "))
}

// marshal encodes what cannot fail: structs of texts and numbers.
func marshal(v any) []byte {
	b, err := rawjson.Marshal(v)
	if err != nil {
		return []byte("{}")
	}
	return b
}
