// Package provider is the seam between the gateway and the vendors of models.
//
// A client's request comes in as an [Inbound]: its own bytes and just enough of
// their meaning. A [Vendor] turns it into an [Outbound]: the bytes for the vendor
// and the functions that turn the vendor's answer into the client's dialect. When
// both speak the same dialect the bytes pass through, spliced only where they
// must be; otherwise the canonical form (package chat) stands between.
//
// What a vendor can do beyond chat are further small interfaces beside [Vendor],
// implemented where the ability exists and never stubbed.
package provider

import (
	"cmp"
	"io"
	"net/http"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider/form"
)

// Dialect names a wire format.
type Dialect string

// Dialects spoken.
const (
	OpenAI    Dialect = "openai"    // chat completions and what belongs to them
	Responses Dialect = "responses" // OpenAI's second one; errors are as in the first
	Anthropic Dialect = "anthropic"
	Gemini    Dialect = "gemini"
	Cohere    Dialect = "cohere"
)

// Inbound is a client's request.
type Inbound struct {
	Dialect      Dialect
	Body         []byte     // exactly as received
	Form         *form.Form // in place of Body: a form
	Task         Task       // empty: a chat, a completion or an embedding
	Raw          bool       // the answer is passed on as it comes, whatever it is made of, as sound is
	Model        string     // logical model the client asked for
	Stream       bool
	Array        bool        // the stream is one JSON array, as Gemini's without alt=sse; it bears no comments
	Header       http.Header // of the client's, what a vendor of the same dialect is to get; nil: nothing
	Strict       bool        // what a vendor cannot be told makes the request an error, else it is dropped
	IncludeUsage bool        // the client asked for usage in the stream
	MaxOutput    int64       // cap on answer tokens, 0: none given
	InputTokens  int64       // at four bytes a token, see [EstimateTokens]
	Previous     string      // id of the answer that this request goes on from, as the client names it; empty: none
	Keep         bool        // the answer is to be kept, so that later requests can go on from it
	Kept         *KeptCall   // what is asked of the vendor that keeps an answer; nil: another thing is asked
	// Prompt reads the texts of the prompt for a better estimate, at most so many
	// bytes of them. It reads Body again, so it is for where that matters; nil if
	// the dialect has no such.
	Prompt func(in *Inbound, most int) Prompt
	// Expected estimates what will be billed where that is not what is said, nil: it
	// is. A vendor bills some tasks by tokens or by something else, as it likes; priced
	// tells what the price book knows of its model, by class of usage.
	Expected func(priced func(class string) bool) events.Usage
}

// Flows tells whether the answer goes to the client piece by piece.
func (in *Inbound) Flows() bool { return in.Stream || in.Raw }

// Comments tells whether a stream may have comments that keep its client awake. Google's
// clients take every line for data.
func (in *Inbound) Comments() bool { return in.Dialect != Gemini && !in.Array && !in.Raw }

// Target is where an attempt goes.
type Target struct {
	BaseURL string
	APIKey  string // the vendor's secret; never logged; empty if an [Authorizer] proves who asks
	Model   string // the vendor's name of the model
	Behind  string // the model that is deployed as Model; empty: Model itself
}

// Known is the name that tells what the model can.
func (t Target) Known() string { return cmp.Or(t.Behind, t.Model) }

// Vendor speaks one wire format.
type Vendor interface {
	// Prepare makes the vendor's request. A *gateway.Error of kind Invalid means
	// that this vendor cannot express it; nothing was sent.
	Prepare(in *Inbound, t Target) (*Outbound, error)
	// Failure understands an answer whose status is not 2xx.
	Failure(status int, h http.Header, body []byte) *Failure
}

// TokenCounter is a [Vendor] that counts the tokens of a prompt when asked.
type TokenCounter interface {
	// PrepareCount makes the vendor's request to count the prompt of in; its Unary
	// gives the count in the client's dialect. A *gateway.Error of kind Invalid means
	// that the vendor cannot count what comes in this dialect.
	PrepareCount(in *Inbound, t Target) (*Outbound, error)
}

// MaxVectors bounds an answer of embeddings, in bytes: 2,048 vectors of 3,072 numbers
// in base64 are 32 MiB, and of 1,536 as decimals about twice that.
const MaxVectors = 128 << 20

// Embedder is a vendor that makes embeddings. The request is one for embeddings,
// in a dialect that the vendor knows; its answer is never a stream. Errors are
// those of [Vendor].
type Embedder interface {
	PrepareEmbeddings(in *Inbound, t Target) (*Outbound, error)
}

// Reranker is a vendor that orders documents by how well they answer a query. The
// request is what package rerank has read; its answer is never a stream. Errors are
// those of [Vendor].
type Reranker interface {
	PrepareRerank(in *Inbound, t Target) (*Outbound, error)
}

// Completer is a vendor that goes on with plain texts, as OpenAI's legacy
// completions do. Errors are those of [Vendor].
type Completer interface {
	PrepareCompletion(in *Inbound, t Target) (*Outbound, error)
}

// Outbound is one call to a vendor.
type Outbound struct {
	Method string
	URL    string
	Header http.Header // with credentials; never logged
	Body   []byte
	// Content makes the body where it is too large for Body, anew for each call.
	Content func() (body io.Reader, size int64)
	// MaxAnswer bounds a whole answer, in bytes; 0: as usual.
	MaxAnswer int64
	// Verbatim: a whole answer keeps the vendor's Content-Type.
	Verbatim bool
	// Dropped are the paths of what the client said and the vendor is not told.
	Dropped []string
	// Failure understands an answer whose status is not 2xx, in place of the vendor's.
	// nil: the vendor's does.
	Failure func(status int, h http.Header, body []byte) *Failure
	// Unary turns a whole 2xx body into the client's. Set when the answer does not
	// flow, or may come whole although it was to flow. Beside an error the Reply has
	// nothing but the Usage that the vendor told all the same.
	Unary func(body []byte) (Reply, error)
	// Stream reads a 2xx answer piece by piece. Set when the answer flows.
	Stream func(r io.Reader) Stream
}

// Reply is a whole answer in the client's dialect.
type Reply struct {
	Body  []byte
	Usage *events.Usage // nil: the vendor gave none
	// Counted is what the answer itself shows to be billed, for a vendor that gave no
	// usage, as the images in it; nil: nothing does.
	Counted *events.Usage
	Output  int64   // estimate of answer tokens, for a vendor that gave no usage
	Text    Excerpt // the answer, for a better one
	Finish  string  // finish reason in OpenAI's words
	// WithUsage gives Body with an estimate of the usage in it, for a vendor that gave
	// none and a dialect that wants one; nil: Body is the answer in any case.
	WithUsage func(u events.Usage) []byte
	Kept      *Kept // what is kept of it; nil: nothing
}

// Stream is a vendor's stream turned into the client's dialect. It pulls: it
// reads the vendor only as fast as Next is called. It is for one goroutine.
type Stream interface {
	// Next returns the bytes to send next, never empty; they are valid until the
	// following call. io.EOF: the vendor ended its stream as its wire format
	// demands. Any other error is a *gateway.Error: the stream broke.
	Next() ([]byte, error)
	// Progress tells what is known of the answer so far. Safe after any Next.
	Progress() Progress
	// Trailer gives the bytes that close the stream after io.EOF: the usage chunk
	// if the client asked for it, the bill, and the dialect's terminator.
	Trailer(b Bill) []byte
	// Abort gives the bytes that close the stream after it broke: the dialect's
	// own error event, never a clean end. None if the answer has no place for one:
	// then the connection must break.
	Abort(err *gateway.Error) []byte
}

// Progress is the state of a stream.
type Progress struct {
	Usage  *events.Usage // as last reported by the vendor, cumulative; nil: none yet
	Output int64         // estimate of answer tokens sent so far
	Text   Excerpt       // the answer so far, for a better one
	Finish string        // finish reason in OpenAI's words, once known
}

// Bill is what the client is told of the cost.
type Bill struct {
	Request     events.RequestID
	CostNanoUSD *int64 // nil: unknown price
}

// FailureClass says what to do about a failed call.
type FailureClass string

// Classes of failure; the words are those of [events.AttemptFailed].
const (
	RateLimited   FailureClass = "rate_limited"   // cool the credential down, try the next
	ServerError   FailureClass = "server_error"   // 408, 5xx, 529: try the next
	TimedOut      FailureClass = "timeout"        // try the next
	Connection    FailureClass = "connection"     // try the next
	BadAnswer     FailureClass = "bad_answer"     // 2xx that cannot be understood: try the next
	BadCredential FailureClass = "auth"           // 401, 403: try the next credential
	ClientError   FailureClass = "client_error"   // the request itself: do not try again
	TooLong       FailureClass = "context_length" // prompt does not fit: a larger model may take it
	Refused       FailureClass = "content_policy" // do not try again
	Cut           FailureClass = "cut"            // broke after the first byte went to the client
)

// Retryable tells whether another target may be tried.
func (c FailureClass) Retryable() bool {
	switch c {
	case RateLimited, ServerError, TimedOut, Connection, BadAnswer, BadCredential:
		return true
	case ClientError, TooLong, Refused, Cut:
		return false
	}
	return false
}

// Failure is a vendor call that gave no answer.
//
//nolint:errname // it is a value first, and an error only in the chain of another
type Failure struct {
	Class      FailureClass
	Status     int           // the vendor's, 0: none
	RetryAfter time.Duration // what the vendor asked for, 0: nothing
	Message    string        // the vendor's words with anything secret-like removed; fit for the client when Class is ClientError, TooLong or Refused
	Param      string
	Code       string
}
