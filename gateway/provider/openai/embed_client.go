package openai

import (
	"strconv"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/embed"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

var _ embed.Client = Client{}

// DecodeEmbeddings implements [embed.Client]. What the vectors are for may be said in
// input_type or task_type, in any vendor's words.
func (Client) DecodeEmbeddings(in *provider.Inbound) (*embed.Request, embed.Encoder, error) {
	req := &embed.Request{}
	obj := rawjson.NewObject(in.Body)
	for obj.Next() {
		if rawjson.TypeOf(obj.Value()) == rawjson.NullType {
			continue
		}
		if err := decodeEmbedding(req, string(obj.Key()), obj.Value()); err != nil {
			return nil, nil, err
		}
	}
	if err := obj.Err(); err != nil {
		return nil, nil, badJSON(err)
	}
	return req, vectorEncoder{packed: req.Packed}, nil
}

func decodeEmbedding(req *embed.Request, key string, value []byte) error {
	switch key {
	case "model":
	case "input":
		return decodeInputs(req, value)
	case "dimensions":
		return readCount(value, key, &req.Dimensions)
	case "encoding_format":
		req.Packed = string(value) == `"base64"`
	case "user":
		return read(value, key, &req.User)
	case "input_type", "task_type", "taskType":
		var word string
		if err := read(value, key, &word); err != nil {
			return err
		}
		if req.Task, req.TaskField = embed.TaskOf(word), key; req.Task == "" {
			req.Drop(key)
		}
	default:
		req.Drop(key)
	}
	return nil
}

// decodeInputs reads what the parser found good.
func decodeInputs(req *embed.Request, value []byte) error {
	add := func(value []byte) error {
		if rawjson.TypeOf(value) == rawjson.ArrayType {
			req.Inputs = append(req.Inputs, embed.Input{Tokens: value})
			return nil
		}
		text, err := rawjson.String(value)
		if err != nil {
			return invalid("input", "invalid_type", "'input' is no valid text.")
		}
		req.Inputs = append(req.Inputs, embed.Input{Text: text})
		return nil
	}
	list := rawjson.NewArray(value)
	if rawjson.TypeOf(value) != rawjson.ArrayType || list.Next() && rawjson.TypeOf(list.Value()) == rawjson.NumberType {
		return add(value)
	}
	for list = rawjson.NewArray(value); list.Next(); {
		if err := add(list.Value()); err != nil {
			return err
		}
	}
	return nil
}

// vectorEncoder writes a list of embeddings. The usage stands last, so that it can
// be added to a body.
type vectorEncoder struct{ packed bool }

// Reply implements [embed.Encoder].
func (e vectorEncoder) Reply(r *embed.Reply) ([]byte, error) {
	body := make([]byte, 0, e.sizeOf(r))
	body = append(body, `{"object":"list","data":[`...)
	for i, v := range r.Vectors {
		if i > 0 {
			body = append(body, ',')
		}
		body = strconv.AppendInt(append(body, `{"object":"embedding","index":`...), int64(i), 10)
		body = append(body, `,"embedding":`...)
		var err error
		if body, err = e.vector(body, v); err != nil {
			return nil, err
		}
		body = append(body, '}')
	}
	body = append(append(append(body, `],"model":`...), rawjson.Quote(r.Model)...), '}')
	if r.Usage != nil {
		body = e.WithUsage(body, *r.Usage)
	}
	return body, nil
}

func (e vectorEncoder) vector(dst []byte, v embed.Vector) ([]byte, error) {
	if !e.packed {
		return v.AppendNumbers(dst)
	}
	dst, err := v.AppendPacked(append(dst, '"'))
	return append(dst, '"'), err
}

// sizeOf guesses the size of a body from that of its vectors as they came.
func (e vectorEncoder) sizeOf(r *embed.Reply) int {
	const (
		around = 64 // bytes of each embedding that are not its vector
		denser = 2  // base64 is about so much shorter than decimals
	)
	n := 2 * around
	for _, v := range r.Vectors {
		numbers, packed := len(v.Numbers), len(v.Packed)
		if e.packed {
			numbers /= denser
		} else {
			packed *= denser
		}
		n += around + numbers + packed
	}
	return n
}

// WithUsage implements [embed.Encoder].
func (vectorEncoder) WithUsage(body []byte, u events.Usage) []byte {
	usage := marshal(vectorUsage{u.InputTotal(), u.Total()})
	return append(append(append(body[:len(body)-1], `,"usage":`...), usage...), '}')
}

// vectorUsage is the usage of what has no answer in tokens.
type vectorUsage struct {
	Prompt int64 `json:"prompt_tokens"`
	Total  int64 `json:"total_tokens"`
}
