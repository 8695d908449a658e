package bedrock_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider/bedrock"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"

	"github.com/llm-hub/llm-hub/gateway/provider"
)

// FuzzStream holds that a stream of frames comes out the same however it arrives,
// and ends well only if the vendor ended it.
func FuzzStream(f *testing.F) {
	frame := func(event, payload string) []byte {
		var b bytes.Buffer
		m := eventstream.Message{Payload: []byte(payload)}
		m.Headers.Set(":message-type", eventstream.StringValue("event"))
		m.Headers.Set(":event-type", eventstream.StringValue(event))
		if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
			f.Fatal(err)
		}
		return b.Bytes()
	}
	text, stop := frame("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"Hi"}}`), frame("messageStop", `{"stopReason":"end_turn"}`)
	f.Add(append(bytes.Clone(text), stop...))
	f.Add(text[:len(text)-3])
	f.Add([]byte("\x00\x00\x00\x10\x00\x00\x00\x00garbage"))
	f.Add(append(bytes.Clone(stop), "\x00\x00\x00\x10"...))
	f.Fuzz(func(t *testing.T, data []byte) {
		whole, end := drain(t, bytes.NewReader(data))
		single, endSingle := drain(t, iotest.OneByteReader(bytes.NewReader(data)))
		if diff := cmp.Diff(whole, single); diff != "" || end != endSingle {
			t.Errorf("ends %q and %q (-whole +single):\n%s", end, endSingle, diff)
		}
	})
}

// drain reads a stream to its end, which is empty if it is a good one.
func drain(t *testing.T, r io.Reader) (deltas []chat.Delta, end string) {
	t.Helper()
	exchange, err := bedrock.Wire{}.Call(&chat.Request{N: 1, Stream: true, Messages: []chat.Message{
		{Role: chat.User, Parts: []chat.Part{{Kind: chat.TextPart, Text: "Hi"}}},
	}}, provider.Target{Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	finished := false
	for source := exchange.Source(r); ; {
		step, err := source.Next()
		switch {
		case errors.Is(err, io.EOF):
			if !finished {
				t.Error("a stream without messageStop ended well")
			}
			return deltas, ""
		case err != nil:
			if _, ok := errors.AsType[*gateway.Error](err); !ok {
				t.Errorf("the error is %T", err)
			}
			return deltas, err.Error()
		}
		for _, d := range step.Deltas {
			finished = finished || d.Finish != ""
			deltas = append(deltas, d)
		}
	}
}
