package responses

import (
	"encoding/json"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// glance is what the gateway needs to know of an event of a stream. It is read
// without decoding and without allocation.
type glance struct {
	kind     []byte // the type, still quoted
	response []byte // the value, nil if none
	item     []byte // likewise
	sequence []byte
}

// is tells whether the type is that.
func (g *glance) is(kind string) bool {
	return len(g.kind) == len(kind)+len(`""`) && string(g.kind[1:len(g.kind)-1]) == kind
}

// look reads an event. What it holds of the answer it adds to text: what comes in
// pieces, but not what later events repeat.
func look(data []byte, text *provider.TextMeter) (glance, error) {
	var g glance
	var delta []byte
	obj := rawjson.NewObject(data)
	for obj.Next() {
		v := obj.Value()
		switch string(obj.Key()) {
		case "type":
			g.kind = v
		case "response":
			g.response = v
		case "item":
			g.item = v
		case "sequence_number":
			g.sequence = v
		case "delta":
			delta = v
		}
	}
	meter(delta, text)
	return g, obj.Err()
}

// meter adds a string to the text of the answer; anything else is none.
func meter(value []byte, text *provider.TextMeter) {
	if rawjson.TypeOf(value) == rawjson.StringType {
		text.AddJSON(value[1 : len(value)-1])
	}
}

// summary is what the gateway needs to know of a response object.
type summary struct {
	ID      string      `json:"id"`
	Object  string      `json:"object"`
	Model   string      `json:"model"`
	Created json.Number `json:"created_at"`
	Status  string      `json:"status"`
	Store   *bool       `json:"store"`
	Details struct {
		Reason string `json:"reason"`
	} `json:"incomplete_details"`
	Usage  *wireUsage      `json:"usage"`
	Error  json.RawMessage `json:"error"`
	Output []struct {
		ID     string `json:"id"`
		Type   string `json:"type"`
		Action struct {
			Type string `json:"type"`
		} `json:"action"`
	} `json:"output"`
}

// usage is what the vendor bills: tokens, and searches by its own tools. A page that
// is only opened costs its tokens.
func (s *summary) usage() *events.Usage {
	u := s.Usage.classes()
	if u == nil {
		return nil
	}
	for _, o := range s.Output {
		switch {
		case o.Type == "web_search_call" && (o.Action.Type == "" || o.Action.Type == "search"):
			u.WebSearches++
		case o.Type == "file_search_call":
			u.FileSearches++
		}
	}
	return u
}

func (s *summary) failed() bool { return s.Status == failed || !null(s.Error) }

// failure is why the answer failed. Only that is looked at: the rest may be long.
func (s *summary) failure() error {
	if null(s.Error) {
		return failure.Told(failure.Words{}).Public()
	}
	return failure.Told(failure.Read(s.Error)).Public()
}

// finish is why the answer ended, in the words of chats.
func (s *summary) finish() string {
	switch s.Details.Reason {
	case "max_output_tokens":
		return string(chat.Length)
	case "content_filter":
		return string(chat.ContentFilter)
	}
	for _, o := range s.Output {
		if o.Type == callItem || o.Type == customItem {
			return string(chat.ToolCalls)
		}
	}
	return string(chat.Stop)
}

// kept is what the vendor keeps of the answer; nil: nothing.
func (s *summary) kept() *provider.Kept {
	if s.ID == "" || s.Store != nil && !*s.Store {
		return nil
	}
	k := &provider.Kept{ID: s.ID, ByVendor: true}
	for _, o := range s.Output {
		if o.ID != "" {
			k.Items = append(k.Items, o.ID)
		}
	}
	return k
}

// wireUsage is usage in the words of this dialect. Input includes what was cached,
// output the reasoning.
type wireUsage struct {
	Input       int64 `json:"input_tokens"`
	InputDetail struct {
		Cached     int64 `json:"cached_tokens"`
		CacheWrite int64 `json:"cache_write_tokens"`
	} `json:"input_tokens_details"`
	Output       int64 `json:"output_tokens"`
	OutputDetail struct {
		Reasoning int64 `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
}

// classes is the usage in disjoint classes; nil if there is none to be read.
func (w *wireUsage) classes() *events.Usage {
	if w == nil || min(w.Input, w.Output, w.InputDetail.Cached, w.InputDetail.CacheWrite, w.OutputDetail.Reasoning) < 0 {
		return nil
	}
	read := min(w.InputDetail.Cached, w.Input)
	write := min(w.InputDetail.CacheWrite, w.Input-read)
	reasoning := min(w.OutputDetail.Reasoning, w.Output)
	return &events.Usage{
		Input: w.Input - read - write, CacheRead: read, CacheWrite: write, Output: w.Output - reasoning, Reasoning: reasoning,
	}
}
