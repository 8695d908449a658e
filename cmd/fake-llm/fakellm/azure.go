package fakellm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Azure's filter tells of every prompt and choice what it found.
const (
	azurePromptFilter = `[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"},` +
		`"jailbreak":{"filtered":false,"detected":false},"self_harm":{"filtered":false,"severity":"safe"},` +
		`"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}}]`
	azureFilter = `{"hate":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}`
)

func azureWire() *wire {
	w := inAzure(openaiWire())
	w.unary, w.frames = azureUnary, azureFrames
	return w
}

// inAzure is a wire of OpenAI's behind a deployment. Its answers are OpenAI's.
func inAzure(w *wire) *wire {
	w.vendor, w.key, w.decode = Azure, azureKey, azureDecoding(w.decode)
	w.fail, w.fault, w.headers = azureFail, azureFault, azureHeaders
	return w
}

// azureResponsesWire is of the Responses API.
func azureResponsesWire() *wire {
	w := responsesWire()
	w.vendor, w.key, w.fail, w.headers = Azure, azureKey, azureFail, azureHeaders
	return w
}

// azureRoute understands a path of the v1 API, or of the dated one, which names the
// deployment.
func azureRoute(path string) (route, bool) {
	for _, api := range []string{"/openai/v1", "/openai"} {
		rest, ok := strings.CutPrefix(path, api+"/responses")
		switch {
		case !ok:
		case rest == "":
			return route{vendor: Azure, op: opRespond}, true
		case rest == "/input_tokens":
			return route{vendor: Azure, op: opRespondCount}, true
		default:
			return route{vendor: Azure, op: opKept, model: strings.TrimPrefix(rest, "/")}, true
		}
	}
	if rest, ok := strings.CutPrefix(path, "/openai/v1"); ok {
		return azureOperation(rest), true
	}
	rest, ok := strings.CutPrefix(path, "/openai/deployments/")
	if !ok {
		return route{}, false
	}
	deployment, rest, _ := strings.Cut(rest, "/")
	rt := azureOperation("/" + rest)
	rt.model = deployment
	return rt, true
}

// azureOperation is what a path asks of a deployment, which neither moderates nor varies
// images.
func azureOperation(path string) route {
	ops := map[string]operation{"/chat/completions": opChat, "/embeddings": opEmbed, "/completions": opComplete}
	rt := route{vendor: Azure, op: ops[path]}
	if t := taskOf("/v1" + path); t != "" && t != taskModerate && t != taskVary {
		rt.op, rt.task = opTask, t
	}
	return rt
}

// azureKey is a key in Azure's own header, or a token of Entra.
func azureKey(r *http.Request) string {
	if key := r.Header.Get("Api-Key"); key != "" {
		return key
	}
	return bearer(r)
}

var azureVersion = regexp.MustCompile(`^20\d\d-\d\d-\d\d(-preview)?$`)

// azureDecoding reads a request of OpenAI's. A deployment in the path is the model.
func azureDecoding(decode func(*http.Request, []byte, *call) *failure) func(*http.Request, []byte, *call) *failure {
	return func(r *http.Request, body []byte, c *call) *failure {
		deployment := c.model
		if deployment != "" && !azureVersion.MatchString(r.URL.Query().Get("api-version")) {
			return &failure{status: http.StatusNotFound, reason: reasonNoRoute, message: "Resource not found"}
		}
		c.filtered = true
		f := decode(r, body, c)
		if deployment != "" {
			c.model = deployment
		}
		return f
	}
}

func azureUnary(c *call, r *reply) []byte {
	out := openaiCompletionOf(c, r)
	out.PromptFilter = json.RawMessage(azurePromptFilter)
	for i := range out.Choices {
		out.Choices[i].Filter = json.RawMessage(azureFilter)
	}
	return compactJSON(out)
}

func azureFrames(c *call, r *reply) []frame {
	first := sseData([]byte(`{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":`+azurePromptFilter+`}`), "\n")
	return append([]frame{{data: first}}, openaiFrames(c, r)...)
}

func azureHeaders(c *call, h http.Header) {
	openaiHeaders(c, h)
	h.Del("Openai-Version")
	h.Set("Apim-Request-Id", c.ids.next("", requestIDSize))
	h.Set("X-Ms-Region", "Sweden Central")
	h.Set("X-Ratelimit-Reset-Requests", "1") // seconds
	h.Set("X-Ratelimit-Reset-Tokens", "1")
}

type azureError struct {
	Message string          `json:"message"`
	Type    *string         `json:"type,omitempty"`
	Param   *string         `json:"param,omitempty"`
	Code    string          `json:"code"`
	Status  int             `json:"status,omitempty"`
	Inner   json.RawMessage `json:"innererror,omitempty"`
}

func azureFail(c *call, f *failure, h http.Header) []byte {
	f.setRetryAfter(h)
	if f.after > 0 && !f.afterDate {
		h.Set("Retry-After-Ms", strconv.FormatInt(int64(f.after/time.Millisecond), 10))
	}
	if f.status == http.StatusTooManyRequests {
		h.Set("X-Ratelimit-Remaining-Requests", "0")
	}
	return compactJSON(map[string]any{"error": azureErrorOf(c, f)})
}

func azureFault(c *call, f *failure) []byte {
	return sseData(compactJSON(map[string]any{"error": azureErrorOf(c, f)}), "\n")
}

// azureErrorOf: Azure itself gives the status as the code; what the models' server
// says is OpenAI's.
func azureErrorOf(c *call, f *failure) any {
	switch {
	case f.reason == reasonNoKey, f.reason == reasonBadKey, f.status == http.StatusUnauthorized:
		return azureError{Code: "401", Message: "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource."}
	case f.reason == reasonFiltered:
		return azureError{
			Message: "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry.",
			Param:   optional("prompt"), Code: "content_filter", Status: http.StatusBadRequest,
			Inner: json.RawMessage(`{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"violence":{"filtered":true,"severity":"medium"}}}`),
		}
	case f.status == http.StatusNotFound && f.reason == reasonNoRoute:
		return azureError{Code: "404", Message: "Resource not found"}
	case f.status == http.StatusNotFound:
		return azureError{Code: "DeploymentNotFound", Message: "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again."}
	case f.status == http.StatusTooManyRequests:
		return azureError{Code: "429", Message: fmt.Sprintf("Requests to the ChatCompletions_Create Operation have exceeded call rate limit of your current OpenAI S0 pricing tier. Please retry after %d seconds.", int64(f.after/time.Second))}
	}
	return openaiErrorOf(c, f).Error
}
