package main_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestLanes: embeddings, rankings and chats over the wires of all vendors that can, and
// for each request the books say what the vendor's ledger says, to the token and to the
// search.
func TestLanes(t *testing.T) {
	t.Parallel()
	v := startVendor(t)
	h := startHub(t, t.TempDir(), serveArgs(t, v)...)
	requests := map[string]string{} // bodies by path and name
	add := func(path, name, body string) { requests[path+" "+name] = body }
	for _, vendor := range []string{"openai", "gemini", "cohere"} {
		for _, format := range []string{"float", "base64"} {
			add("/v1/embeddings", vendor+format, fmt.Sprintf(`{"model":"fake-%s","input":["12345678","1234"],"encoding_format":%q,"dimensions":8}`, vendor, format))
		}
		add("/v1beta/models/fake-"+vendor+":embedContent", "", `{"content":{"parts":[{"text":"12345678"}]},"outputDimensionality":8}`)
		add("/gemini/v1/models/fake-"+vendor+":batchEmbedContents", "", fmt.Sprintf(
			`{"requests":[{"model":"models/fake-%[1]s","content":{"parts":[{"text":"1234"}]}},{"model":"models/fake-%[1]s","content":{"parts":[{"text":"1234"}]}}]}`, vendor))
	}
	documents := strings.Repeat(`"1234",`, 100) + `{"text":"the sea"}`
	for _, path := range []string{"/v1/rerank", "/rerank", "/v2/rerank"} {
		add(path, "", `{"model":"fake-cohere","query":"the sea","documents":[`+documents+`],"top_n":2,"return_documents":true}`)
	}
	for _, stream := range []bool{false, true} {
		add("/v1/chat/completions", fmt.Sprint(stream), fmt.Sprintf(`{"model":"details-cohere","stream":%t,"messages":[{"role":"user","content":"Hi there"}]}`, stream))
	}
	asked := map[string]string{} // by request id
	for request, body := range requests {
		path, _, _ := strings.Cut(request, " ")
		a, err := h.postTo(t.Context(), hubKey, path, []byte(body))
		if err != nil || !a.complete {
			t.Fatalf("%s: status %d, %v: %s", request, a.status, err, a.body)
		}
		asked[a.request] = request
		if strings.HasSuffix(path, "rerank") && !strings.Contains(a.body, `"index":100,`) {
			t.Errorf("%s: %s", request, a.body)
		}
	}
	for _, path := range []string{"/v1/embeddings", "/v1/rerank"} {
		a, err := h.postTo(t.Context(), hubKey, path, []byte(`{"model":"fake-anthropic","input":"a","query":"a","documents":["b"]}`))
		if err != nil || a.status != 400 || !strings.Contains(a.body, "unsupported_operation") {
			t.Errorf("%s of a vendor that cannot: status %d, %v: %s", path, a.status, err, a.body)
		}
	}
	checkLedger(t, asked, books(t, h.data), servedByRequest(readLedger(t, v.url)))
	verified(t, h.data)
}

// checkLedger compares what was booked of each request with what its vendor billed.
func checkLedger(t *testing.T, asked map[string]string, booked map[string]*account, billed map[string]served) {
	t.Helper()
	for id, request := range asked {
		a, s := booked[id], billed[id]
		if a == nil || a.records != 1 || a.ends != 1 {
			t.Errorf("%s: booked %+v", request, a)
			continue
		}
		if a.input != s.Input || a.output != s.Output || a.searches != s.Searches || s.Input+s.Searches == 0 {
			t.Errorf("%s: booked %+v, billed %+v", request, *a, s)
		}
		if untold := strings.Contains(request, "gemini") && !strings.Contains(request, "openai") && !strings.Contains(request, "cohere"); a.estimated != untold {
			t.Errorf("%s: estimated %t", request, a.estimated)
		}
	}
}
