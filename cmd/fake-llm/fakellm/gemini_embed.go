package fakellm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// geminiMaxBatch is how many requests one batch of embeddings may have.
const geminiMaxBatch = 100

type geminiEmbedRequest struct {
	Model      string        `json:"model"`
	Content    geminiContent `json:"content"`
	Task       string        `json:"taskType"`
	Title      string        `json:"title"`
	Dimensions *int          `json:"outputDimensionality"`
}

func geminiEmbedDecode(_ *http.Request, body []byte, c *call) *failure {
	var req struct {
		geminiEmbedRequest
		Requests []json.RawMessage `json:"requests"`
	}
	if err := json.Unmarshal(body, &req); err != nil {
		return invalid("", "Invalid JSON payload received. %v", err)
	}
	if c.batch = req.Requests != nil; !c.batch {
		return geminiEmbedOne(body, "", c)
	}
	if len(req.Requests) > geminiMaxBatch {
		return invalid("", "* BatchEmbedContentsRequest.requests: at most %d requests can be in one batch\n", geminiMaxBatch)
	}
	for i, one := range req.Requests {
		if f := geminiEmbedOne(one, fmt.Sprintf("requests[%d]", i), c); f != nil {
			return f
		}
	}
	return nil
}

// geminiEmbedOne takes one request, which in a batch must name the model of the address.
func geminiEmbedOne(raw json.RawMessage, path string, c *call) *failure {
	var (
		members map[string]json.RawMessage
		one     geminiEmbedRequest
	)
	if err := json.Unmarshal(raw, &members); err != nil {
		return invalid("", "Invalid JSON payload received. %v", err)
	}
	for _, name := range sortedKeys(members) {
		switch name {
		case "model", "content", "taskType", "title", "outputDimensionality":
		default:
			return invalid("", "Invalid JSON payload received. Unknown name \"%s\" at '%s': Cannot find field.", name, path)
		}
	}
	if err := json.Unmarshal(raw, &one); err != nil {
		return invalid("", "Invalid JSON payload received. %v", err)
	}
	if c.batch && one.Model != "models/"+c.model || one.Model != "" && one.Model != "models/"+c.model {
		return invalid("", "* BatchEmbedContentsRequest.%s.model: the model must be that of the URL\n", path)
	}
	if !geminiTask(one.Task) {
		return invalid("", "Invalid value at '%s.task_type' (TaskType), \"%s\"", path, one.Task)
	}
	if f := c.wantDimensions(one.Dimensions); f != nil {
		return f
	}
	var text strings.Builder
	for _, p := range one.Content.Parts {
		if p.Text != nil {
			text.WriteString(*p.Text)
		}
	}
	if text.Len() == 0 {
		return invalid("", "* BatchEmbedContentsRequest.%s.content: content is not specified\n", path)
	}
	c.embed(text.String())
	return nil
}

func geminiTask(task string) bool {
	switch task {
	case "", "TASK_TYPE_UNSPECIFIED", "RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", "CLASSIFICATION",
		"CLUSTERING", "QUESTION_ANSWERING", "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY":
		return true
	}
	return false
}

type geminiEmbedding struct {
	Values []float32 `json:"values"`
}

func geminiEmbedUnary(c *call, _ *reply) []byte {
	all := make([]geminiEmbedding, len(c.inputs))
	for i, text := range c.inputs {
		all[i].Values = Vector(text, c.dimensions)
	}
	if c.batch {
		return indentedJSON(struct {
			Embeddings []geminiEmbedding `json:"embeddings"`
		}{all})
	}
	return indentedJSON(struct {
		Embedding geminiEmbedding `json:"embedding"`
	}{all[0]})
}
