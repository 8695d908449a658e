package call

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

// Prepare makes a vendor's request as [provider.Vendor] does for chat.
type Prepare func(in *provider.Inbound, t provider.Target) (*provider.Outbound, error)

// Operation is what a request asks of a vendor. The zero one is chat.
type Operation struct {
	// Of gives the vendor's ability, nil if it has none: then its targets are not
	// tried. A nil Of is chat, which every vendor can.
	Of       func(v provider.Vendor) Prepare
	Wordless bool // the answer has no tokens, as a vector has none
	Free     bool // vendors do not bill it: it has no usage
	// Local makes the answer when no vendor of the model has the ability, of an
	// estimate of the prompt in tokens; nil: then the request is refused.
	Local func(input int64) []byte
}

// of is the vendor's ability, nil if it has none.
func (o Operation) of(v provider.Vendor) Prepare {
	if o.Of == nil {
		return v.Prepare
	}
	return o.Of(v)
}

// localTime bounds the wait for the books where no vendor is waited for.
const localTime = 30 * time.Second

// HeaderEstimated marks an answer that is the gateway's own estimate, or has one in it.
const HeaderEstimated = "x-llmhub-estimated"

// headerDropped names what the vendor was not told of what the client said.
const headerDropped = "x-llmhub-dropped"

var errUnable = errors.New("the vendor cannot do this")

// unable are the providers of the model whose vendor lacks the ability, by name.
func (f *flight) unable() map[string]bool {
	if f.req.Operation.Of == nil {
		return nil
	}
	unable := make(map[string]bool)
	for _, t := range f.model.Targets {
		if v := f.cfg.Vendors(t.Provider.Kind); v != nil && f.req.Operation.of(v) == nil {
			unable[t.Provider.Name] = true
		}
	}
	return unable
}

// local gives the answer that no vendor can.
func (f *flight) local() error {
	body := f.req.Operation.Local(f.input(f.model.Targets[0].Model))
	f.client.w.Header().Set(HeaderEstimated, "true")
	return f.respond(provider.Reply{Body: body}, "application/json")
}

// inexpressible is the error of a client that wants no part of its request dropped.
func inexpressible(path string) *gateway.Error {
	return &gateway.Error{
		Kind: gateway.Invalid, Code: "unsupported_parameter", Param: path,
		Public: fmt.Sprintf("The vendor of this model cannot be told '%s'.", path),
	}
}

// confess tells the client what was dropped. Paths hold names that clients chose, so
// they are bounded and odd ones are left out.
func (f *flight) confess(h http.Header) {
	const longest = 1 << 10
	if f.current == nil || len(f.current.out.Dropped) == 0 {
		return
	}
	var b strings.Builder
	for _, path := range f.current.out.Dropped {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		if b.Len()+len(path) > longest {
			b.WriteString("...")
			break
		}
		b.WriteString(nameable(path))
	}
	h.Set(headerDropped, b.String())
}
