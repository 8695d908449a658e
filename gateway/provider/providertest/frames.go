package providertest

import (
	"bytes"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"
)

// frames makes a frame of each line: "name payload", or "!name payload" for an
// exception. Torn ones lack their last bytes.
func frames(text string, torn bool) string {
	const lost = 9 // bytes: the checksum and a part of the payload
	var b bytes.Buffer
	encoder := eventstream.NewEncoder()
	for line := range strings.Lines(text) {
		name, payload, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		kind, header := eventstreamapi.EventMessageType, eventstreamapi.EventTypeHeader
		if exception, is := strings.CutPrefix(name, "!"); is {
			name, kind, header = exception, eventstreamapi.ExceptionMessageType, eventstreamapi.ExceptionTypeHeader
		}
		m := eventstream.Message{Payload: []byte(payload)}
		m.Headers.Set(eventstreamapi.MessageTypeHeader, eventstream.StringValue(kind))
		m.Headers.Set(header, eventstream.StringValue(name))
		if err := encoder.Encode(&b, m); err != nil {
			return err.Error()
		}
	}
	if torn {
		b.Truncate(max(0, b.Len()-lost))
	}
	return b.String()
}
