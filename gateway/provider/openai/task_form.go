package openai

import (
	"strconv"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/form"
	"github.com/llm-hub/llm-hub/gateway/provider/sound"
)

// FormParser reads the form of a task: what the gateway itself must know of it. An
// error is a *gateway.Error of kind Invalid that names the field.
type FormParser func(f *form.Form) (*provider.Inbound, error)

// ParseTranscription reads a request for the transcript of a recording, or for its
// translation.
func ParseTranscription(task provider.Task) FormParser {
	return func(f *form.Form) (*provider.Inbound, error) {
		in, err := parseForm(task, f, "file")
		if err != nil {
			return nil, err
		}
		if len(f.Files) > 1 {
			return nil, invalid(f.Files[1].Field, "", "Only one file can be transcribed at a time.")
		}
		file := &f.Files[0]
		prompt, _ := value(f, "prompt")
		ms := sound.Duration(f.Open(file), file.Size()).Milliseconds()
		in.Expected = transcriptUsage(ms, provider.EstimateTokens(int64(len(prompt))))
		return in, nil
	}
}

// ParseImageForm reads a request to edit images, or to vary one.
func ParseImageForm(task provider.Task) FormParser {
	return func(f *form.Form) (*provider.Inbound, error) {
		in, err := parseForm(task, f, "image")
		if err != nil {
			return nil, err
		}
		m := images{n: 1, given: int64(len(f.Files))}
		m.quality, _ = value(f, "quality")
		if n, there := value(f, "n"); there && n != "" {
			if m.n, err = strconv.ParseInt(n, 10, 32); err != nil || m.n < 1 {
				return nil, invalid("n", "invalid_value", "'n' must be a whole number, at least 1.")
			}
			if err := m.check(); err != nil {
				return nil, err
			}
		}
		prompt, there := value(f, "prompt")
		if task == provider.EditImages && !there {
			return nil, invalid("prompt", "missing_required_parameter", "'prompt' is missing.")
		}
		m.prompt = provider.EstimateTokens(int64(len(prompt)))
		in.Expected = m.usage
		return in, nil
	}
}

// parseForm reads what all forms have. There must be a file in the field, or in the
// list of the field's name.
func parseForm(task provider.Task, f *form.Form, file string) (*provider.Inbound, error) {
	in := &provider.Inbound{Dialect: provider.OpenAI, Task: task, Form: f}
	model, there := value(f, "model")
	switch {
	case !there:
		return nil, invalid("model", "missing_required_parameter", "'model' is missing.")
	case model == "":
		return nil, invalid("model", "", "'model' must name a model.")
	case count(f, "model") > 1:
		return nil, invalid("model", "", "'model' is given twice.")
	}
	in.Model = model
	given := 0
	for i := range f.Files {
		if f.Files[i].Field == file || strings.HasPrefix(f.Files[i].Field, file+"[") {
			given++
		}
	}
	if given == 0 {
		return nil, invalid(file, "missing_required_parameter", "'%s' is missing.", file)
	}
	stream, _ := value(f, "stream")
	switch stream {
	case "true", "True", "1": // some clients write it as their language does
		in.Stream = task != provider.Translate && task != provider.VaryImages
	case "", "false", "False", "0":
	default:
		return nil, invalid("stream", "invalid_type", "'stream' must be true or false.")
	}
	return in, nil
}

// value gives a field of a form.
func value(f *form.Form, name string) (v string, there bool) {
	for i := range f.Fields {
		if f.Fields[i].Name == name {
			return f.Fields[i].Value, true
		}
	}
	return "", false
}

func count(f *form.Form, name string) (n int) {
	for i := range f.Fields {
		if f.Fields[i].Name == name {
			n++
		}
	}
	return n
}
