package embed

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

// Wire is a wire format that vendors speak.
type Wire interface {
	// Embed makes the vendor's request. A *gateway.Error of kind Invalid means that
	// the wire cannot express it.
	Embed(req *Request, t provider.Target) (*Exchange, error)
}

// Exchange is a request in a vendor's wire format, and how to read the answer.
type Exchange struct {
	URL    string
	Header http.Header // with credentials; never logged
	Body   []byte
	// Reply reads a whole 2xx answer, of which the reply may keep parts. Beside an
	// error it may give a Reply with nothing but Usage.
	Reply func(body []byte) (*Reply, error)
}

// Client is a dialect that applications speak.
type Client interface {
	// DecodeEmbeddings reads a request that was parsed before, and gives what writes
	// the answer to it. An error is a *gateway.Error of kind Invalid that names the
	// field.
	DecodeEmbeddings(in *provider.Inbound) (*Request, Encoder, error)
}

// Encoder writes an answer in a client's dialect.
type Encoder interface {
	// Reply fails if a vector cannot be written as the client wants it.
	Reply(r *Reply) ([]byte, error)
	// WithUsage completes the body of a reply whose vendor gave no usage.
	WithUsage(body []byte, u events.Usage) []byte
}

// embedder is a wire behind client dialects.
type embedder struct {
	wire    Wire
	clients map[provider.Dialect]Client
}

// New serves the given client dialects over a wire.
func New(w Wire, clients map[provider.Dialect]Client) provider.Embedder {
	return embedder{wire: w, clients: clients}
}

// PrepareEmbeddings implements [provider.Embedder].
func (e embedder) PrepareEmbeddings(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	client, ok := e.clients[in.Dialect]
	if !ok {
		return nil, provider.UnreachableError()
	}
	req, encoder, err := client.DecodeEmbeddings(in)
	if err != nil {
		return nil, err
	}
	call, err := e.wire.Embed(req, t)
	if err != nil {
		return nil, err
	}
	if in.Strict {
		if err := req.Refusal(); err != nil {
			return nil, err
		}
	}
	inputs := len(req.Inputs)
	return &provider.Outbound{
		Method: http.MethodPost, URL: call.URL, Header: call.Header, Body: call.Body, Dropped: req.Dropped(),
		MaxAnswer: provider.MaxVectors,
		Unary: func(body []byte) (provider.Reply, error) {
			reply, err := call.Reply(body)
			if err != nil {
				return billed(reply), err
			}
			if reply.Model == "" {
				reply.Model = t.Model
			}
			return answer(reply, inputs, encoder)
		},
	}, nil
}

var errCount = errors.New("not as many embeddings as inputs")

func answer(reply *Reply, inputs int, encoder Encoder) (provider.Reply, error) {
	if n := len(reply.Vectors); n != inputs {
		return billed(reply), provider.BadAnswerError(fmt.Errorf("%w: %d for %d", errCount, n, inputs))
	}
	body, err := encoder.Reply(reply)
	if err != nil {
		return billed(reply), provider.BadAnswerError(err)
	}
	out := provider.Reply{Body: body, Usage: reply.Usage}
	if reply.Usage == nil {
		out.WithUsage = func(u events.Usage) []byte { return encoder.WithUsage(body, u) }
	}
	return out, nil
}

// billed is what is left of an answer that is an error, if anything.
func billed(r *Reply) provider.Reply {
	if r == nil {
		return provider.Reply{}
	}
	return provider.Reply{Usage: r.Usage}
}
