package openai

import (
	"encoding/json"
	"errors"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/embed"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

var _ embed.Wire = Wire{}

// Embed implements [embed.Wire].
func (w Wire) Embed(req *embed.Request, t provider.Target) (*embed.Exchange, error) {
	out := sentEmbedding{Model: t.Model, Dimensions: req.Dimensions}
	for _, in := range req.Inputs {
		if in.Tokens != nil {
			out.Input = append(out.Input, in.Tokens)
			continue
		}
		out.Input = append(out.Input, rawjson.Quote(in.Text))
	}
	if req.Task != "" {
		req.Drop(req.TaskField)
	}
	if req.Title != "" {
		req.Drop("title")
	}
	if req.User != "" && w.lacks("user") {
		req.Drop("user")
	} else {
		out.User = req.User
	}
	if req.Packed {
		out.Format = "base64"
	}
	return &embed.Exchange{URL: endpoint(t, embeddingPath), Header: header(false, t), Body: marshal(out), Reply: readVectors}, nil
}

type sentEmbedding struct {
	Model      string            `json:"model"`
	Input      []json.RawMessage `json:"input"`
	Dimensions int64             `json:"dimensions,omitempty"`
	Format     string            `json:"encoding_format,omitempty"`
	User       string            `json:"user,omitempty"`
}

// readVectors reads an answer of embeddings, which may come in any order.
func readVectors(body []byte) (*embed.Reply, error) {
	reply := &embed.Reply{}
	var data, told []byte
	obj := rawjson.NewObject(body)
	for obj.Next() {
		value := obj.Value()
		if rawjson.TypeOf(value) == rawjson.NullType {
			continue
		}
		switch string(obj.Key()) {
		case "usage":
			reply.Usage = readUsage(value)
		case "error":
			told = value
		case "data":
			data = value
		case "model":
			reply.Model, _ = rawjson.String(value) // what is no text names no model
		case "id":
			reply.ID, _ = rawjson.String(value)
		}
	}
	switch {
	case obj.Err() != nil:
		return nil, provider.BadAnswerError(obj.Err())
	case told != nil:
		return reply, failure.Told(failure.Read(body)).Public()
	case rawjson.TypeOf(data) != rawjson.ArrayType:
		return reply, provider.BadAnswerError(errNoEmbeddings)
	}
	return reply, readData(reply, data)
}

var errOrder = errors.New("the embeddings have no order")

func readData(reply *embed.Reply, data []byte) error {
	type entry struct {
		index  int
		vector embed.Vector
	}
	var all []entry
	list := rawjson.NewArray(data)
	for list.Next() {
		e := entry{index: len(all)}
		obj := rawjson.NewObject(list.Value())
		for obj.Next() {
			var err error
			switch string(obj.Key()) {
			case "index":
				err = json.Unmarshal(obj.Value(), &e.index)
			case "embedding":
				e.vector, err = embed.ReadVector(obj.Value())
			}
			if err != nil {
				return provider.BadAnswerError(err)
			}
		}
		all = append(all, e)
	}
	reply.Vectors = make([]embed.Vector, len(all))
	for _, e := range all {
		if e.index < 0 || e.index >= len(all) || reply.Vectors[e.index].Given() || !e.vector.Given() {
			return provider.BadAnswerError(errOrder)
		}
		reply.Vectors[e.index] = e.vector
	}
	return nil
}
