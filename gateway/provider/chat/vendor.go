package chat

import (
	"io"
	"net/http"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

// Wire is a wire format that vendors speak.
type Wire interface {
	// Call makes the vendor's request. A *gateway.Error of kind Invalid means that
	// the wire cannot express it.
	Call(req *Request, t provider.Target) (*Exchange, error)
	// Failure is that of [provider.Vendor].
	Failure(status int, h http.Header, body []byte) *provider.Failure
}

// Exchange is a request in a vendor's wire format, and how to read the answer.
type Exchange struct {
	URL    string
	Header http.Header // with credentials; never logged
	Body   []byte
	// Reply reads a whole 2xx answer. Beside an error it may give a Reply with nothing
	// but Usage.
	Reply func(body []byte) (*Reply, error)
	// Source reads a 2xx event stream.
	Source func(r io.Reader) Source
}

// Source is a vendor's stream in canonical pieces.
type Source interface {
	// Next gives what the next event brought, which may be nothing. The Step is
	// valid until the following call. io.EOF: the vendor ended its stream as its
	// wire format demands. Any other error is a *gateway.Error; only the Usage of a
	// Step beside it counts.
	Next() (*Step, error)
}

// Client is a dialect that applications speak.
type Client interface {
	// Decode reads a request that was parsed before. An error is a *gateway.Error
	// of kind Invalid that names the field.
	Decode(in *provider.Inbound) (*Request, error)
	// Encoder writes the answer to that request.
	Encoder(in *provider.Inbound) Encoder
}

// Encoder writes an answer in a client's dialect: either Reply, or any number of
// Steps and then Trailer or Abort. The latter three append to dst.
type Encoder interface {
	Reply(r *Reply) []byte
	Step(dst []byte, s *Step) []byte
	Trailer(dst []byte, u *events.Usage, b provider.Bill) []byte
	Abort(dst []byte, err *gateway.Error) []byte
}

// vendor is a wire behind client dialects.
type vendor struct {
	Wire
	signer  signer
	clients map[provider.Dialect]Client
}

// NewVendor serves the given client dialects over a wire; see [Signer] for what
// becomes of signatures.
func NewVendor(w Wire, clients map[provider.Dialect]Client) provider.Vendor {
	return vendor{Wire: w, signer: signerOf(w), clients: clients}
}

// Prepare implements [provider.Vendor].
func (v vendor) Prepare(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	client, ok := v.clients[in.Dialect]
	if !ok {
		return nil, provider.UnreachableError()
	}
	req, err := client.Decode(in)
	if err != nil {
		return nil, err
	}
	v.signer.take(req.Messages, string(in.Dialect))
	call, err := v.Call(req, t)
	if err != nil {
		return nil, err
	}
	for _, e := range req.Extras {
		req.Drop(e.Name)
	}
	out := &provider.Outbound{
		Method: http.MethodPost, URL: call.URL, Header: call.Header, Body: call.Body, Dropped: req.Dropped(),
	}
	if in.Strict {
		if err := req.Refusal(); err != nil {
			return nil, err
		}
	}
	if in.Stream {
		out.Stream = func(r io.Reader) provider.Stream {
			return &stream{
				source: call.Source(r), encoder: client.Encoder(in), signer: v.signer, model: t.Model,
				text: provider.TextMeter{Keep: provider.ExcerptSize},
			}
		}
		return out, nil
	}
	out.Unary = func(body []byte) (provider.Reply, error) {
		reply, err := call.Reply(body)
		if err != nil {
			return billed(reply), err
		}
		if reply.Model == "" {
			reply.Model = t.Model
		}
		v.signer.markReply(reply)
		encoder := client.Encoder(in)
		out := summary(reply, encoder.Reply(reply))
		out.Kept = provider.KeptBy(encoder)
		return out, nil
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

func summary(r *Reply, body []byte) provider.Reply {
	out := provider.Reply{Body: body, Usage: r.Usage}
	var text provider.TextMeter
	if r.Usage == nil { // then the answer itself is needed
		text.Keep = provider.ExcerptSize
	}
	for _, a := range r.Choices {
		a.meter(&text)
		out.Finish = string(a.Finish)
	}
	out.Output, out.Text = text.Tokens(), text.Excerpt()
	return out
}
