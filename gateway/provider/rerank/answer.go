package rerank

import (
	"encoding/json"
	"errors"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

var (
	errNoResults = errors.New("no results")
	errIndex     = errors.New("a result is of no document")
)

// read passes an answer through, notes what it cost, and adds documents that request
// wants to come back.
func read(body, request []byte) (provider.Reply, error) {
	var results, usage, meta []byte
	at := 0 // of the results
	obj := rawjson.NewObject(body)
	for obj.Next() {
		switch string(obj.Key()) {
		case "results":
			results = obj.Value()
			at, _ = obj.Span()
		case "usage":
			usage = obj.Value()
		case "meta":
			meta = obj.Value()
		}
	}
	if obj.Err() != nil {
		return provider.Reply{}, provider.BadAnswerError(obj.Err())
	}
	out := provider.Reply{Body: body, Usage: usageOf(usage, meta)}
	if rawjson.TypeOf(results) != rawjson.ArrayType {
		if words := failure.Read(body); words.Message != "" {
			return provider.Reply{Usage: out.Usage}, failure.Told(words).Public()
		}
		return provider.Reply{Usage: out.Usage}, provider.BadAnswerError(errNoResults)
	}
	edits, err := documents(results, at, request)
	if err != nil {
		return provider.Reply{Usage: out.Usage}, provider.BadAnswerError(err)
	}
	if edits != nil {
		out.Body = rawjson.Apply(body, edits...)
	}
	return out, nil
}

// documents are the edits that put the documents into the results that begin at base,
// if request wants that and they lack them.
func documents(results []byte, base int, request []byte) ([]rawjson.Edit, error) {
	all := wanted(request)
	if all == nil {
		return nil, nil
	}
	var edits []rawjson.Edit
	list := rawjson.NewArray(results)
	for list.Next() {
		index, has := -1, false
		obj := rawjson.NewObject(list.Value())
		for obj.Next() {
			switch string(obj.Key()) {
			case "index":
				if json.Unmarshal(obj.Value(), &index) != nil {
					return nil, errIndex
				}
			case "document":
				has = rawjson.TypeOf(obj.Value()) == rawjson.ObjectType
			}
		}
		switch {
		case obj.Err() != nil || index < 0 || index >= len(all):
			return nil, errIndex
		case has:
			continue
		}
		from, _ := list.Span()
		end := base + from + obj.End() - 1
		edits = append(edits, rawjson.Edit{From: end, To: end, With: document(all[index])})
	}
	return edits, nil
}

// document is the member of a result that gives a document back.
func document(value []byte) []byte {
	member := []byte(`,"document":`)
	if rawjson.TypeOf(value) == rawjson.ObjectType {
		return append(member, value...)
	}
	return append(append(append(member, `{"text":`...), value...), '}')
}

// wanted are the documents of a request that wants them back; nil if it does not.
func wanted(request []byte) [][]byte {
	var list [][]byte
	back := false
	obj := rawjson.NewObject(request)
	for obj.Next() {
		switch string(obj.Key()) {
		case returnMember:
			back = string(obj.Value()) == "true"
		case documentsMember:
			all := rawjson.NewArray(obj.Value())
			for all.Next() {
				list = append(list, all.Value())
			}
		}
	}
	if !back {
		return nil
	}
	return list
}

// usageOf reads the bill: search units, or tokens in the words of Jina, of Cohere, or
// of those who speak both.
func usageOf(usage, meta []byte) *events.Usage {
	var told struct {
		Prompt *float64 `json:"prompt_tokens"`
		Total  *float64 `json:"total_tokens"`
	}
	var billed struct {
		Units struct {
			Search *float64 `json:"search_units"`
			Total  *float64 `json:"total_tokens"`
			Input  *float64 `json:"input_tokens"`
		} `json:"billed_units"`
		Tokens struct {
			Input *float64 `json:"input_tokens"`
		} `json:"tokens"`
	}
	// What is not there, or is told in other words, leaves them empty.
	_, _ = json.Unmarshal(usage, &told), json.Unmarshal(meta, &billed)
	if n := billed.Units.Search; n != nil && *n > 0 {
		return &events.Usage{SearchUnits: int64(*n)}
	}
	for _, n := range []*float64{told.Total, told.Prompt, billed.Units.Total, billed.Units.Input, billed.Tokens.Input} {
		if n != nil && *n >= 0 {
			return &events.Usage{Input: int64(*n)}
		}
	}
	return nil
}
