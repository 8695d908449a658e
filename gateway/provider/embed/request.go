package embed

import (
	"encoding/json"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

// Request asks for the embedding of each of the inputs, in their order.
type Request struct {
	Inputs     []Input
	Dimensions int64  // of each vector; 0: as many as the model has
	Task       Task   // what the vectors are for; empty: not said
	TaskField  string // what the client calls the field that says so
	Title      string // of the document that all inputs are of; may be empty
	User       string // the application's id of its user
	Packed     bool   // the client wants base64, so the vendor may be asked for it

	provider.Drops
}

// Input is a text, or the tokens of one.
type Input struct {
	Text   string
	Tokens json.RawMessage // an array of numbers; nil: it is a text
}

// Task is what embeddings are for.
type Task string

// The tasks.
const (
	QueryTask          Task = "query"    // a text that documents are searched for with
	DocumentTask       Task = "document" // a text that is searched for
	SimilarityTask     Task = "similarity"
	ClassificationTask Task = "classification"
	ClusteringTask     Task = "clustering"
	QuestionTask       Task = "question"
	FactTask           Task = "fact"
	CodeTask           Task = "code" // a text that code is searched for with
)

// Reply is a whole answer: a vector for each input, in their order.
type Reply struct {
	ID      string // the vendor's, may be empty
	Model   string // what the vendor says answered, else the target's
	Vectors []Vector
	Usage   *events.Usage // nil: the vendor gave none
}
