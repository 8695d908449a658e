package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// taskGlance is what the gateway needs to know of the answer to a task.
type taskGlance struct {
	usage    []byte
	failure  []byte
	result   []byte // the member that makes it an answer
	duration []byte // of a recording, s
}

func lookAtTask(body []byte, result string) (g taskGlance, err error) {
	obj := rawjson.NewObject(body)
	for obj.Next() {
		value := obj.Value()
		if rawjson.TypeOf(value) == rawjson.NullType {
			continue
		}
		switch key := string(obj.Key()); key {
		case result:
			g.result = value
		case "usage":
			g.usage = value
		case "error":
			g.failure = value
		case "duration":
			g.duration = value
		}
	}
	return g, obj.Err()
}

// readTask passes an answer through and notes what it cost.
func readTask(body []byte, result string, usage func([]byte) *events.Usage) (provider.Reply, error) {
	g, err := lookAtTask(body, result)
	switch {
	case err != nil:
		return provider.Reply{}, provider.BadAnswerError(err)
	case g.failure != nil:
		return provider.Reply{Usage: usage(g.usage)}, failure.Told(failure.Read(body)).Public()
	case g.result == nil:
		return provider.Reply{Usage: usage(g.usage)}, provider.BadAnswerError(fmt.Errorf("neither %s nor error", result))
	}
	return provider.Reply{Body: body, Usage: usage(g.usage)}, nil
}

var errNoImages = errors.New("no images")

// readImages counts the images of a vendor that bills no tokens.
func readImages(body []byte) (provider.Reply, error) {
	const images = "data"
	reply, err := readTask(body, images, readImageUsage)
	if err != nil {
		return reply, err
	}
	g, _ := lookAtTask(body, images) // as before
	list := rawjson.NewArray(g.result)
	for list.Next() {
	}
	if list.Len() == 0 {
		return provider.Reply{Usage: reply.Usage}, provider.BadAnswerError(errNoImages)
	}
	reply.Counted = &events.Usage{Images: int64(list.Len())}
	return reply, nil
}

// readTranscript passes a transcript through, which is JSON or, if the client wants
// that, a text of some format. A vendor that gave no usage may tell how long the
// recording was.
func readTranscript(body []byte) (provider.Reply, error) {
	if trimmed := bytes.TrimSpace(body); rawjson.TypeOf(trimmed) != rawjson.ObjectType || !json.Valid(trimmed) {
		if looksLikeMarkup(trimmed) {
			return provider.Reply{}, provider.BadAnswerError(errors.New("neither a transcript nor an error"))
		}
		return provider.Reply{Body: body}, nil
	}
	reply, err := readTask(body, "text", readTranscriptUsage)
	if err != nil || reply.Usage != nil {
		return reply, err
	}
	g, _ := lookAtTask(body, "text") // as before
	var seconds float64
	if json.Unmarshal(g.duration, &seconds) == nil {
		reply.Usage = heard(seconds)
	}
	return reply, nil
}

// looksLikeMarkup tells a page of some proxy, or the beginning of JSON, from a text.
func looksLikeMarkup(body []byte) bool {
	return bytes.HasPrefix(body, []byte("<")) || bytes.HasPrefix(body, []byte("{"))
}
