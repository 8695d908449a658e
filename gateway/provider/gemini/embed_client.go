package gemini

import (
	"strings"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/embed"
)

var _ embed.Client = Client{}

// DecodeEmbeddings implements [embed.Client]. Other vendors take one number of
// dimensions, one task and one title for all contents of a batch, and texts only.
func (Client) DecodeEmbeddings(in *provider.Inbound) (*embed.Request, embed.Encoder, error) {
	d := embedDecoder{req: &embed.Request{}, batch: isBatch(in.Body)}
	known := fields{"model": ignore, requestsMember: d.requests}
	if !d.batch {
		known = d.fields()
	}
	if err := members(in.Body, "", known, d.req.Drop); err != nil {
		return nil, nil, err
	}
	if !d.batch {
		d.settle()
	}
	return d.req, contentEncoder{batch: d.batch}, nil
}

// embedDecoder reads requests for embeddings one by one.
type embedDecoder struct {
	req   *embed.Request
	batch bool
	one   oneEmbedding // that is being read
}

// oneEmbedding is what one request says beside its content.
type oneEmbedding struct {
	dimensions  int64
	task, title string
}

func (d *embedDecoder) fields() fields {
	return fields{
		"model": ignore, "content": d.content, "outputDimensionality": count(&d.one.dimensions, maxTokens),
		"taskType": into(&d.one.task), "title": into(&d.one.title),
	}
}

func (d *embedDecoder) requests(value []byte, path string) error {
	var first oneEmbedding
	return eachElement(value, path, func(value []byte, path string) error {
		d.one = oneEmbedding{}
		if err := members(value, path, d.fields(), d.req.Drop); err != nil {
			return err
		}
		if len(d.req.Inputs) == 1 {
			first = d.one
			d.settle()
		}
		if d.one != first {
			return invalid(path, "'%s' differs from the first request; this model takes one taskType, title and outputDimensionality for all.", path)
		}
		return nil
	})
}

// settle notes what holds for all contents.
func (d *embedDecoder) settle() {
	field := pathOf(d.batch, 0, "taskType")
	d.req.Dimensions, d.req.Title = d.one.dimensions, d.one.title
	d.req.Task, d.req.TaskField = embed.TaskOf(d.one.task), field
	if d.req.Task == "" && d.one.task != "" && d.one.task != "TASK_TYPE_UNSPECIFIED" {
		d.req.Drop(field)
	}
}

func (d *embedDecoder) content(value []byte, path string) error {
	var text strings.Builder
	known := fields{"role": ignore, "parts": func(value []byte, path string) error {
		return eachElement(value, path, func(value []byte, path string) error {
			return textPart(&text, value, path)
		})
	}}
	if err := members(value, path, known, d.req.Drop); err != nil {
		return err
	}
	d.req.Inputs = append(d.req.Inputs, embed.Input{Text: text.String()})
	return nil
}

func textPart(text *strings.Builder, value []byte, path string) error {
	return eachMember(value, path, func(name string, value []byte) error {
		at := join(path, name)
		if name != "text" {
			return invalid(at, "This model embeds texts only, not '%s'.", at)
		}
		var part string
		if err := into(&part)(value, at); err != nil {
			return err
		}
		text.WriteString(part)
		return nil
	})
}

// contentEncoder writes the answer to one request or to a batch.
type contentEncoder struct{ batch bool }

// Reply implements [embed.Encoder].
func (e contentEncoder) Reply(r *embed.Reply) ([]byte, error) {
	begin, end := `{"embedding":`, `}`
	if e.batch {
		begin, end = `{"embeddings":[`, `]}`
	}
	body := []byte(begin)
	for i, v := range r.Vectors {
		if i > 0 {
			body = append(body, ',')
		}
		var err error
		if body, err = v.AppendNumbers(append(body, `{"values":`...)); err != nil {
			return nil, err
		}
		body = append(body, '}')
	}
	body = append(body, end...)
	if r.Usage != nil {
		body = e.WithUsage(body, *r.Usage)
	}
	return body, nil
}

// WithUsage implements [embed.Encoder].
func (contentEncoder) WithUsage(body []byte, u events.Usage) []byte {
	usage := marshal(embedUsage{u.InputTotal()})
	return append(append(append(body[:len(body)-1], `,"usageMetadata":`...), usage...), '}')
}

type embedUsage struct {
	Prompt int64 `json:"promptTokenCount"`
}
