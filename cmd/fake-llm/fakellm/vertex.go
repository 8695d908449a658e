package fakellm

import (
	"encoding/json"
	"net/http"
	"strings"
)

// The publishers of Vertex's models.
const (
	publisherGoogle    = "google"
	publisherAnthropic = "anthropic"
	publisherOthers    = "openapi" // in OpenAI's dialect
)

// vertexWires are the wires by publisher.
func (s *Server) vertexWires() map[string]*wire {
	google, claude, others := geminiWire(), anthropicWire(), openaiWire()
	for _, w := range []*wire{google, claude, others} {
		w.vendor, w.key, w.status = Vertex, vertexKey, sameStatus
	}
	google.decode, google.fail, google.authorize = vertexGoogleDecode, vertexFail, s.checkToken
	claude.decode, claude.authorize = vertexClaudeDecode, s.checkToken
	claude.headers, claude.limits = noHeaders, noLimits
	others.authorize = s.checkToken
	return map[string]*wire{publisherGoogle: google, publisherAnthropic: claude, publisherOthers: others}
}

// vertexRoute understands .../publishers/{publisher}/models/{model}:{method}, below
// a project's location or, in express mode, not; and .../endpoints/openapi.
func vertexRoute(path string) (route, bool) {
	rest, ok := strings.CutPrefix(path, "/v1/")
	if !ok {
		return route{}, false
	}
	parts := strings.Split(rest, "/")
	if len(parts) > 4 && parts[0] == "projects" && parts[2] == "locations" && parts[1] != "" && parts[3] != "" {
		parts = parts[4:]
	} else if parts[0] != "publishers" {
		return route{}, false
	}
	if strings.Join(parts, "/") == "endpoints/openapi/chat/completions" {
		return route{vendor: Vertex, publisher: publisherOthers, op: opChat}, true
	}
	rt := route{vendor: Vertex, publisher: publisherGoogle}
	if len(parts) != 4 || parts[0] != "publishers" || parts[2] != "models" {
		return rt, true
	}
	colon := strings.LastIndexByte(parts[3], ':')
	if colon < 0 {
		return rt, true
	}
	model, method := parts[3][:colon], parts[3][colon+1:]
	switch {
	case parts[1] == publisherGoogle:
		rt = geminiRoute(parts[3])
		rt.vendor, rt.publisher = Vertex, publisherGoogle
		if rt.op == opEmbed {
			rt.op = opUnknown
		}
	case parts[1] != publisherAnthropic:
	case model == "count-tokens" && method == "rawPredict":
		rt = route{vendor: Vertex, publisher: publisherAnthropic, op: opCount}
	case method == "rawPredict", method == "streamRawPredict":
		rt = route{vendor: Vertex, publisher: publisherAnthropic, op: opChat, model: model, stream: method == "streamRawPredict"}
	}
	return rt, true
}

// vertexKey is an access token, or the API key of express mode.
func vertexKey(r *http.Request) string {
	if token := bearer(r); token != "" {
		return token
	}
	if !strings.Contains(r.URL.Path, "/projects/") {
		return geminiKey(r)
	}
	return ""
}

// vertexGoogleDecode demands what the Gemini API leaves out: roles, and types of
// files.
func vertexGoogleDecode(r *http.Request, body []byte, c *call) *failure {
	var req struct {
		Contents []struct {
			Role  string `json:"role"`
			Parts []struct {
				File *struct {
					Type string `json:"mimeType"`
				} `json:"fileData"`
			} `json:"parts"`
		} `json:"contents"`
		Whole json.RawMessage `json:"generateContentRequest"`
	}
	if err := json.Unmarshal(body, &req); err != nil {
		return invalid("", "Invalid JSON payload received. %v", err)
	}
	if req.Whole != nil {
		return invalid("", "Invalid JSON payload received. Unknown name \"generateContentRequest\": Cannot find field.")
	}
	for _, content := range req.Contents {
		if content.Role == "" {
			return invalid("", "Please use a valid role: user, model.")
		}
		for _, p := range content.Parts {
			if p.File != nil && p.File.Type == "" {
				return invalid("", "Unable to submit request because it must have a mimeType parameter.")
			}
		}
	}
	return geminiDecode(r, body, c)
}

const vertexAnthropicVersion = "vertex-2023-10-16"

// vertexClaudeDecode: the version stands in the body, and the model in the path
// only, but for a count.
func vertexClaudeDecode(r *http.Request, body []byte, c *call) *failure {
	var req map[string]json.RawMessage
	if err := json.Unmarshal(body, &req); err != nil {
		return invalid("", "The request body is not valid JSON: %v", err)
	}
	var version string
	var stream bool
	_ = json.Unmarshal(req["anthropic_version"], &version) // absent is empty
	_ = json.Unmarshal(req["stream"], &stream)
	switch {
	case version != vertexAnthropicVersion:
		return invalid("", "anthropic_version: Input should be '%s'", vertexAnthropicVersion)
	case r.Header.Get("Anthropic-Version") != "":
		return invalid("", "anthropic-version: the header is not permitted")
	case req["model"] != nil && !c.counting:
		return invalid("", "model: Extra inputs are not permitted")
	case stream != c.stream:
		return invalid("", "stream: does not fit the method")
	}
	delete(req, "anthropic_version")
	if !c.counting {
		req["model"] = jsonString(c.model)
	}
	direct := r.Clone(r.Context())
	direct.Header.Set("Anthropic-Version", "2023-06-01")
	return anthropicDecode(direct, compactJSON(req), c)
}

// vertexFail is Gemini's, but for who may call.
func vertexFail(c *call, f *failure, h http.Header) []byte {
	if f.reason == reasonNoKey || f.reason == reasonBadKey {
		f.message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential."
		f.reason = reasonStatus
	}
	return geminiFail(c, f, h)
}

func noHeaders(*call, http.Header) {}
