package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Shapes of the fake vendor's bench models.
const (
	streamEvents = 64 // content chunks in a stream
	slowVendor   = 50 * time.Millisecond
)

// A scenario is one kind of traffic.
type scenario struct {
	stream  bool
	slow    bool // the vendor takes slowVendor to answer
	clients int
}

// scenarios are all there are, in the order of the report.
func scenarios() []scenario {
	var all []scenario
	for _, stream := range []bool{false, true} {
		for _, slow := range []bool{false, true} {
			for _, clients := range []int{1, 64} {
				all = append(all, scenario{stream: stream, slow: slow, clients: clients})
			}
		}
	}
	return all
}

// String is the name by which -only selects: unary/64/instant.
func (s scenario) String() string {
	return fmt.Sprintf("%s/%d/%s", s.shape(), s.clients, s.vendor())
}

func (s scenario) shape() string {
	if s.stream {
		return "stream"
	}
	return "unary"
}

func (s scenario) vendor() string {
	if s.slow {
		return slowVendor.String()
	}
	return "instant"
}

// A model has a name at the vendor, which says how the fake one behaves, and a logical one.
type model struct{ vendor, logical string }

func (s scenario) model() model {
	name := "bench"
	if s.stream {
		name = "bench-stream"
	}
	if !s.slow {
		return model{vendor: name, logical: name}
	}
	return model{vendor: name + "+latency=" + slowVendor.String(), logical: name + "-" + slowVendor.String()}
}

// events is how many events a whole answer has at least; 0: it is no stream.
func (s scenario) events() int {
	if s.stream {
		return streamEvents
	}
	return 0
}

// prompt is what every request asks: about 100 tokens, as chat requests go.
func prompt() string {
	return strings.TrimSpace(strings.Repeat("Tell me what a gateway adds to the way of a question. ", 8))
}

// request renders the whole HTTP request of a scenario on its way through a lane.
func (s scenario) request(l *lane) ([]byte, error) {
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	name := s.model().vendor
	if l.hub != nil {
		name = s.model().logical
	}
	body, err := json.Marshal(struct {
		Model    string    `json:"model"`
		Messages []message `json:"messages"`
		Stream   bool      `json:"stream,omitempty"`
	}{name, []message{{"user", prompt()}}, s.stream})
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	head := fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", l.address, l.key, len(body))
	return append([]byte(head), body...), nil
}
