package api

import (
	"strings"

	"github.com/llm-hub/llm-hub/gateway/call"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
)

// Bounds of the bodies of tasks, in bytes. OpenAI takes recordings of 25 MB, others of
// 100; and sixteen images of 50 MB in one form, of which this is as much as anybody
// sends in earnest.
const (
	maxRecording = 100 << 20
	maxPictures  = 128 << 20
	maxJSON      = 32 << 20 // where a form might have come
)

// taskEndpoint is the endpoint of a task, which has the task's path.
type taskEndpoint struct {
	endpoint
	task    provider.Task
	maxBody int64 // bytes, 0: as usual
}

// tasks are the endpoints of all tasks.
func tasks() []taskEndpoint {
	all := []taskEndpoint{
		{task: provider.Moderate, endpoint: endpoint{parse: openai.ParseModeration}},
		{task: provider.MakeImages, endpoint: endpoint{parse: openai.ParseImages}},
		{task: provider.EditImages, maxBody: maxPictures, endpoint: endpoint{
			parse: openai.ParseImageEdits, form: openai.ParseImageForm(provider.EditImages),
		}},
		{task: provider.VaryImages, maxBody: maxPictures, endpoint: endpoint{form: openai.ParseImageForm(provider.VaryImages)}},
		{task: provider.Speak, endpoint: endpoint{parse: openai.ParseSpeech}},
		{task: provider.Transcribe, maxBody: maxRecording, endpoint: endpoint{form: openai.ParseTranscription(provider.Transcribe)}},
		{task: provider.Translate, maxBody: maxRecording, endpoint: endpoint{form: openai.ParseTranscription(provider.Translate)}},
	}
	for i := range all {
		t := all[i].task
		all[i].name = strings.ReplaceAll(string(t), "/", ".")
		all[i].operation = call.Operation{Wordless: true, Of: func(v provider.Vendor) call.Prepare {
			if able, ok := v.(provider.Worker); ok && able.Does(t) {
				return able.PrepareTask
			}
			return nil
		}}
	}
	return all
}
