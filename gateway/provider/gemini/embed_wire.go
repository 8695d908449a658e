package gemini

import (
	"errors"
	"fmt"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/embed"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// maxBatchSize is how many contents one call may have.
const maxBatchSize = 100

var _ embed.Wire = Wire{}

// Embed implements [embed.Wire]. Tokens are refused: Gemini takes texts only.
func (Wire) Embed(req *embed.Request, t provider.Target) (*embed.Exchange, error) {
	if len(req.Inputs) > maxBatchSize {
		return nil, invalid("input", "This model takes at most %d inputs at once, not %d.", maxBatchSize, len(req.Inputs))
	}
	out := sentBatch{Requests: make([]sentEmbed, len(req.Inputs))}
	for i, in := range req.Inputs {
		if in.Tokens != nil {
			return nil, invalid("input", "This model takes texts, not tokens.")
		}
		out.Requests[i] = sentEmbed{
			Model: modelPrefix + bare(t.Model), Content: wireContent{Parts: []wirePart{{Text: in.Text}}},
			Dimensions: req.Dimensions, Task: taskType(req.Task), Title: req.Title,
		}
	}
	if req.User != "" {
		req.Drop("user")
	}
	return &embed.Exchange{URL: endpoint(t, embedMethod(true)), Header: header(t, false), Body: marshal(out), Reply: readVectors}, nil
}

type sentBatch struct {
	Requests []sentEmbed `json:"requests"`
}

type sentEmbed struct {
	Model      string      `json:"model"`
	Content    wireContent `json:"content"`
	Task       string      `json:"taskType,omitempty"`
	Title      string      `json:"title,omitempty"`
	Dimensions int64       `json:"outputDimensionality,omitempty"`
}

// taskType is a task in Google's words.
func taskType(task embed.Task) string {
	switch task {
	case embed.QueryTask:
		return "RETRIEVAL_QUERY"
	case embed.DocumentTask:
		return "RETRIEVAL_DOCUMENT"
	case embed.SimilarityTask:
		return "SEMANTIC_SIMILARITY"
	case embed.ClassificationTask:
		return "CLASSIFICATION"
	case embed.ClusteringTask:
		return "CLUSTERING"
	case embed.QuestionTask:
		return "QUESTION_ANSWERING"
	case embed.FactTask:
		return "FACT_VERIFICATION"
	case embed.CodeTask:
		return "CODE_RETRIEVAL_QUERY"
	}
	return ""
}

// vectorGlance is what is known of an answer of embeddings without decoding it.
type vectorGlance struct {
	list, usage, failure []byte
}

var errNoVectors = errors.New("neither embeddings nor error")

// lookAtVectors reads the answer to one request or to a batch; of an error the usage
// is given all the same.
func lookAtVectors(body []byte) (vectorGlance, error) {
	var g vectorGlance
	obj := rawjson.NewObject(body)
	for obj.Next() {
		value := obj.Value()
		if rawjson.TypeOf(value) == rawjson.NullType {
			continue
		}
		switch string(obj.Key()) {
		case "embedding", "embeddings":
			g.list = value
		case "usageMetadata":
			g.usage = value
		case "error":
			g.failure = value
		}
	}
	switch {
	case obj.Err() != nil:
		return vectorGlance{}, provider.BadAnswerError(obj.Err())
	case g.failure != nil:
		return g, failure.Told(failure.Read(body)).Public()
	case g.list == nil:
		return g, provider.BadAnswerError(errNoVectors)
	}
	return g, nil
}

// readVectors reads the answer to a batch.
func readVectors(body []byte) (*embed.Reply, error) {
	g, err := lookAtVectors(body)
	reply := &embed.Reply{Usage: readUsage(g.usage)}
	if err != nil {
		return reply, err
	}
	list := rawjson.NewArray(g.list)
	for list.Next() {
		var values []byte
		obj := rawjson.NewObject(list.Value())
		for obj.Next() {
			if string(obj.Key()) == "values" {
				values = obj.Value()
			}
		}
		v, err := embed.ReadVector(values)
		if err != nil {
			return reply, provider.BadAnswerError(fmt.Errorf("embeddings[%d]: %w", list.Len()-1, err))
		}
		reply.Vectors = append(reply.Vectors, v)
	}
	if list.Err() != nil {
		return reply, provider.BadAnswerError(list.Err())
	}
	return reply, nil
}
