package responses_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/gemini"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest/openapi"
	"github.com/llm-hub/llm-hub/gateway/provider/responses"
)

var update = providertest.Update()

func counter() func() string {
	n := 0
	return func() string {
		n++
		return strconv.Itoa(n)
	}
}

// over is the dialect over a wire of another format.
func over(wire func() chat.Wire) func() provider.Vendor {
	return func() provider.Vendor {
		client := responses.Client{Now: func() time.Time { return time.Unix(1_760_000_000, 0) }, NewID: counter()}
		return chat.NewVendor(wire(), map[provider.Dialect]chat.Client{provider.Responses: client})
	}
}

func chatWire() chat.Wire { return openai.Wire{NewID: counter()} }

func native() provider.Vendor { return responses.New(openai.Vendor{}) }

func players() map[string]providertest.Player {
	return map[string]providertest.Player{
		"testdata/native":    {Parse: responses.ParseResponse, Vendor: native},
		"testdata/chat":      {Parse: responses.ParseResponse, Vendor: over(chatWire)},
		"testdata/anthropic": {Parse: responses.ParseResponse, Vendor: over(func() chat.Wire { return anthropic.Wire{} })},
		"testdata/gemini":    {Parse: responses.ParseResponse, Vendor: over(func() chat.Wire { return gemini.Wire{NewID: counter()} })},
	}
}

func TestTranscripts(t *testing.T) {
	for dir, p := range players() {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			p.Update = *update
			p.Play(t, dir)
		})
	}
}

// TestAnswersFitSchema: what clients get is as it is published, and the events of a
// stream come in the order that clients count on.
func TestAnswersFitSchema(t *testing.T) {
	published, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	for dir := range players() {
		paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v", dir, err)
		}
		for _, path := range paths {
			t.Run(path, func(t *testing.T) {
				raw, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				_, answer, _ := strings.Cut(string(raw), "-- client answer --\n")
				answer, _, _ = strings.Cut(answer, "-- facts --")
				switch {
				case strings.TrimSpace(answer) == "":
				case strings.HasPrefix(answer, "{"):
					if err := published.Answer(endpoint, []byte(answer)); err != nil {
						t.Error(err)
					}
				default:
					if err := published.Stream(endpoint, answer); err != nil {
						t.Error(err)
					}
					checkEvents(t, answer)
				}
			})
		}
	}
}

const endpoint = "post /responses"

// happened is an event as far as its order matters.
type happened struct {
	Type     string `json:"type"`
	Sequence int    `json:"sequence_number"`
	Output   *int   `json:"output_index"`
	Item     struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	} `json:"item"`
	ItemID   string `json:"item_id"`
	Response struct {
		Output []struct {
			ID string `json:"id"`
		} `json:"output"`
	} `json:"response"`
}

func checkEvents(t *testing.T, stream string) {
	t.Helper()
	items, done, n, last := map[int]string{}, 0, 0, happened{}
	for block := range strings.SplitSeq(strings.TrimSpace(stream), "\n\n") {
		if strings.HasPrefix(block, ":") {
			continue
		}
		name, data, _ := strings.Cut(strings.ReplaceAll(block, "\r", ""), "\n")
		data = strings.TrimPrefix(data, "data: ")
		var e happened
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatal(err)
		}
		if "event: "+e.Type != name || e.Sequence != n {
			t.Errorf("event %d of type %s is numbered %d and called %q", n, e.Type, e.Sequence, name)
		}
		n++
		switch {
		case e.Type == "response.output_item.added":
			if *e.Output != len(items) {
				t.Errorf("item %d comes after %d items", *e.Output, len(items))
			}
			items[*e.Output] = e.Item.ID
		case e.Type == "response.output_item.done":
			done++
			fallthrough
		case e.Output != nil:
			if id := items[*e.Output]; id == "" || id != e.ItemID+e.Item.ID {
				t.Errorf("%s is about item %q, which is %q", e.Type, e.ItemID+e.Item.ID, id)
			}
		}
		last = e
	}
	if last.Type == "error" {
		return
	}
	if last.Type != "response.completed" && last.Type != "response.incomplete" || done != len(items) || len(last.Response.Output) != done {
		t.Errorf("after %d items, %d of them done, %s with %d", len(items), done, last.Type, len(last.Response.Output))
	}
}
