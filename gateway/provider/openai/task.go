package openai

import (
	"io"
	"net/http"
	"slices"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// maxImages bounds an answer with images in it, in bytes: ten of them, in base64.
const maxImages = 96 << 20

// Does implements [provider.Worker].
func (v Vendor) Does(t provider.Task) bool { return slices.Contains(v.traits.Tasks, t) }

// PrepareTask implements [provider.Worker] for what this package's parsers of tasks
// read. The client's bytes pass through, but for the model's name.
func (v Vendor) PrepareTask(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	if in.Dialect != provider.OpenAI {
		return nil, provider.UnreachableError()
	}
	out := &provider.Outbound{Method: http.MethodPost, URL: endpoint(t, "/"+string(in.Task)), Header: header(in.Stream, t)}
	if in.Form != nil {
		out.Header["Content-Type"] = []string{in.Form.ContentType}
		open, size := in.Form.With("model", t.Model)
		out.Content = func() (io.Reader, int64) { return open(), size }
	} else {
		body, err := withModel(in.Body, t.Model)
		if err != nil {
			return nil, err
		}
		out.Body = body
	}
	answered(in, out)
	return out, nil
}

// withModel is a body that names another model.
func withModel(body []byte, model string) ([]byte, error) {
	var edits []rawjson.Edit
	obj := rawjson.NewObject(body)
	for obj.Next() {
		if string(obj.Key()) == "model" {
			from, to := obj.Span()
			edits = append(edits, rawjson.Edit{From: from, To: to, With: rawjson.Quote(model)})
		}
	}
	if err := obj.Err(); err != nil {
		return nil, badJSON(err)
	}
	return rawjson.Apply(body, edits...), nil
}

// answered says how the answer to a task is read.
func answered(in *provider.Inbound, out *provider.Outbound) {
	usage := usageOf(in.Task)
	switch {
	case in.Raw:
		out.Header["Accept"] = []string{"*/*"}
		out.Stream = newRawStream
		return
	case in.Stream: // some models take no notice of the wish, hence the rest as well
		out.Stream = newTaskStream(usage)
	}
	switch in.Task {
	case provider.Moderate:
		out.Unary = func(body []byte) (provider.Reply, error) { return readTask(body, "results", usage) }
	case provider.MakeImages, provider.EditImages, provider.VaryImages:
		out.MaxAnswer = maxImages
		out.Unary = readImages
	case provider.Transcribe, provider.Translate:
		out.Verbatim = true
		out.Header["Accept"] = []string{"*/*"}
		out.Unary = readTranscript
	case provider.Speak:
	}
}

// usageOf is how the usage of a task is read.
func usageOf(t provider.Task) func(value []byte) *events.Usage {
	switch t {
	case provider.MakeImages, provider.EditImages, provider.VaryImages:
		return readImageUsage
	case provider.Speak:
		return readSpeechUsage
	case provider.Transcribe, provider.Translate:
		return readTranscriptUsage
	case provider.Moderate:
	}
	return readUsage
}
