package cohere

import (
	"encoding/json"
	"errors"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/embed"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// maxTexts is how many texts one call may have.
const maxTexts = 96

var _ embed.Wire = Wire{}

// Embed implements [embed.Wire]. Tokens are refused: Cohere takes texts only. It
// wants to know what the vectors are for; unless the client says, they are those of
// documents.
func (Wire) Embed(req *embed.Request, t provider.Target) (*embed.Exchange, error) {
	if len(req.Inputs) > maxTexts {
		return nil, invalid("input", "This model takes at most %d inputs at once, not %d.", maxTexts, len(req.Inputs))
	}
	out := sentEmbedding{Model: t.Model, Dimensions: req.Dimensions, Types: []string{floatType}, Input: inputType(req)}
	if req.Packed {
		out.Types[0] = packedType
	}
	for _, in := range req.Inputs {
		if in.Tokens != nil {
			return nil, invalid("input", "This model takes texts, not tokens.")
		}
		out.Texts = append(out.Texts, in.Text)
	}
	if req.Title != "" {
		req.Drop("title")
	}
	if req.User != "" {
		req.Drop("user")
	}
	body, err := rawjson.Marshal(out)
	if err != nil {
		return nil, invalid("", "The request cannot be written: %v.", err)
	}
	return &embed.Exchange{URL: endpoint(t, "/embed"), Header: header(false, t), Body: body, Reply: readVectors}, nil
}

type sentEmbedding struct {
	Model      string   `json:"model"`
	Texts      []string `json:"texts"`
	Input      string   `json:"input_type"`
	Types      []string `json:"embedding_types"`
	Dimensions int64    `json:"output_dimension,omitempty"`
}

// The types of embeddings.
const (
	floatType  = "float"
	packedType = "base64"
)

// inputType is a task in Cohere's words. What asks for something is a query.
func inputType(req *embed.Request) string {
	switch req.Task {
	case embed.QueryTask, embed.QuestionTask, embed.FactTask, embed.CodeTask:
		return "search_query"
	case embed.ClassificationTask:
		return "classification"
	case embed.ClusteringTask:
		return "clustering"
	case embed.SimilarityTask:
		req.Drop(req.TaskField)
	case embed.DocumentTask:
	}
	return "search_document"
}

var errNoVectors = errors.New("no embeddings")

func readVectors(body []byte) (*embed.Reply, error) {
	reply := &embed.Reply{}
	var vectors []byte
	obj := rawjson.NewObject(body)
	for obj.Next() {
		switch string(obj.Key()) {
		case "id":
			reply.ID, _ = rawjson.String(obj.Value()) // what is no text is no id
		case "embeddings":
			vectors = obj.Value()
		case "meta":
			reply.Usage = readMeta(obj.Value())
		}
	}
	if obj.Err() != nil {
		return nil, provider.BadAnswerError(obj.Err())
	}
	types := rawjson.NewObject(vectors)
	for types.Next() {
		if key := string(types.Key()); key != floatType && key != packedType {
			continue
		}
		list := rawjson.NewArray(types.Value())
		for list.Next() {
			v, err := embed.ReadVector(list.Value())
			if err != nil {
				return reply, provider.BadAnswerError(err)
			}
			reply.Vectors = append(reply.Vectors, v)
		}
	}
	if reply.Vectors != nil {
		return reply, nil
	}
	if words := failure.Read(body); words.Message != "" {
		return reply, failure.Told(words).Public()
	}
	return reply, provider.BadAnswerError(errNoVectors)
}

// readMeta reads what is told of the bill of embeddings and rankings.
func readMeta(value []byte) *events.Usage {
	var u *wireUsage
	if json.Unmarshal(value, &u) != nil {
		return nil
	}
	return u.classes()
}
