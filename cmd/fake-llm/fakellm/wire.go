package fakellm

import (
	"net/http"
	"strings"
)

// Vendor names a wire format.
type Vendor string

// The vendors the fake can be.
const (
	OpenAI    Vendor = "openai"
	Anthropic Vendor = "anthropic"
	Gemini    Vendor = "gemini"
	Cohere    Vendor = "cohere"
	Azure     Vendor = "azure"
	Vertex    Vendor = "vertex"
	Bedrock   Vendor = "bedrock"
)

// A frame is one write of a stream.
type frame struct {
	data              []byte
	output, reasoning int64 // tokens billed with it; output includes reasoning
	audio, image      int64 // of output
	content           bool  // carries generated tokens: counted by the directives
	end               bool  // part of the ending: finish reason, usage, terminator
}

// A wire is one dialect as functions: how a request is read and a reply is written.
type wire struct {
	vendor  Vendor
	json    string // content type of bodies
	events  string // content type of streams
	key     func(*http.Request) string
	decode  func(*http.Request, []byte, *call) *failure
	unary   func(*call, *reply) []byte
	frames  func(*call, *reply) []frame
	fail    func(*call, *failure, http.Header) []byte // the body; may set headers
	fault   func(*call, *failure) []byte              // an error in mid-stream
	status  func(*failure) int
	headers func(*call, http.Header)
	limits  func(http.Header, *allowance) // says what is left of the limits
	models  func(names []string) []byte
	model   func(name string) []byte
	count   func(tokens int64) []byte // nil: the vendor counts no prompts

	authorize  func(key string) *failure // what else a key must be; nil: nothing
	breakFrame func(frame []byte) []byte // makes a frame's JSON invalid; nil: the frame is text
}

func wires() map[Vendor]*wire {
	return map[Vendor]*wire{
		OpenAI:    openaiWire(),
		Anthropic: anthropicWire(),
		Gemini:    geminiWire(),
		Cohere:    cohereWire(),
		Azure:     azureWire(),
		Bedrock:   bedrockWire(),
	}
}

// operation is what a path asks for.
type operation int

const (
	opUnknown operation = iota
	opChat
	opModels
	opModel
	opCount
	opEmbed
	opComplete
	opRank
	opRespond
	opRespondCount
	opKept
	opTask
)

// A route is a request line understood.
type route struct {
	vendor Vendor
	op     operation
	model  string // from the path: Gemini, GET of one model, and what is below /responses
	stream bool   // Gemini says so in the path

	publisher string // Vertex: of the model
	task      task
}

func findRoute(r *http.Request) route {
	path, forced := r.URL.Path, Vendor("")
	for _, v := range []Vendor{OpenAI, Anthropic, Gemini, Cohere, Azure, Vertex, Bedrock} {
		if rest, ok := strings.CutPrefix(path, "/"+string(v)+"/"); ok {
			path, forced = "/"+rest, v
		}
	}
	rt := routeOf(r, path)
	if forced != "" && rt.vendor != forced {
		if rt.op == opModels || rt.op == opModel {
			rt.vendor = forced
		} else {
			rt = route{vendor: forced}
		}
	}
	return rt
}

func routeOf(r *http.Request, path string) route {
	for _, of := range []func(string) (route, bool){azureRoute, vertexRoute, bedrockRoute} {
		if rt, ok := of(path); ok {
			if r.Method != http.MethodPost && rt.op != opKept {
				rt.op = opUnknown
			}
			return rt
		}
	}
	post, get := r.Method == http.MethodPost, r.Method == http.MethodGet
	switch {
	case path == "/v1/chat/completions" && post:
		return route{vendor: OpenAI, op: opChat}
	case path == "/v1/embeddings" && post:
		return route{vendor: OpenAI, op: opEmbed}
	case path == "/v1/completions" && post:
		return route{vendor: OpenAI, op: opComplete}
	case taskOf(path) != "" && post:
		return route{vendor: OpenAI, op: opTask, task: taskOf(path)}
	case path == "/v1/rerank" && post:
		return route{vendor: OpenAI, op: opRank}
	case strings.HasPrefix(path, "/v2/"):
		return cohereRoute(path, post)
	case path == "/v1/responses" && post:
		return route{vendor: OpenAI, op: opRespond}
	case path == "/v1/responses/input_tokens" && post:
		return route{vendor: OpenAI, op: opRespondCount}
	case strings.HasPrefix(path, "/v1/responses/"):
		return route{vendor: OpenAI, op: opKept, model: strings.TrimPrefix(path, "/v1/responses/")}
	case path == "/v1/messages" && post:
		return route{vendor: Anthropic, op: opChat}
	case path == "/v1/messages/count_tokens" && post:
		return route{vendor: Anthropic, op: opCount}
	case path == "/v1/messages", path == "/v1/messages/count_tokens":
		return route{vendor: Anthropic}
	case (path == "/v1/models" || path == "/v1beta/models") && get:
		return route{vendor: vendorByHeader(r, path), op: opModels}
	}
	name, ok := strings.CutPrefix(path, "/v1beta/models/")
	if !ok {
		name, ok = strings.CutPrefix(path, "/v1/models/")
	}
	switch {
	case ok && get:
		return route{vendor: vendorByHeader(r, path), op: opModel, model: name}
	case ok && post:
		return geminiRoute(name)
	}
	return route{vendor: vendorByHeader(r, path)}
}

func cohereRoute(path string, post bool) route {
	rt := route{vendor: Cohere}
	switch {
	case !post:
	case path == "/v2/chat":
		rt.op = opChat
	case path == "/v2/embed":
		rt.op = opEmbed
	case path == "/v2/rerank":
		rt.op = opRank
	}
	return rt
}

func geminiRoute(name string) route {
	colon := strings.LastIndexByte(name, ':')
	if colon < 0 {
		return route{vendor: Gemini}
	}
	rt := route{vendor: Gemini, model: name[:colon]}
	switch name[colon+1:] {
	case "generateContent":
		rt.op = opChat
	case "streamGenerateContent":
		rt.op, rt.stream = opChat, true
	case "countTokens":
		rt.op = opCount
	case "embedContent", "batchEmbedContents":
		rt.op = opEmbed
	}
	return rt
}

// vendorByHeader guesses the vendor of a path that several share.
func vendorByHeader(r *http.Request, path string) Vendor {
	switch {
	case strings.HasPrefix(path, "/v1beta/"), r.Header.Get("X-Goog-Api-Key") != "":
		return Gemini
	case r.Header.Get("X-Api-Key") != "", r.Header.Get("Anthropic-Version") != "":
		return Anthropic
	}
	return OpenAI
}

// bearer is the token of an Authorization header, "" for none.
func bearer(r *http.Request) string {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return ""
	}
	return strings.TrimSpace(token)
}
