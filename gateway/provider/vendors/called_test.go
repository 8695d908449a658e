package vendors_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/llm-hub/llm-hub/gateway/provider"
)

// baseOf is where a fake vendor of a kind is, and its model.
func baseOf(fake, kind string) provider.Target {
	for _, base := range bases() {
		if base.kind == kind {
			return provider.Target{BaseURL: fake + base.path, APIKey: "k", Model: kind + "-fake"}
		}
	}
	return provider.Target{}
}

// called is the whole answer of a vendor that was asked as prepare has it.
func called(t *testing.T, in *provider.Inbound, target provider.Target, prepare func(*provider.Inbound, provider.Target) (*provider.Outbound, error)) provider.Reply {
	t.Helper()
	out, err := prepare(in, target)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), out.Method, out.URL, bytes.NewReader(out.Body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = out.Header
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v: %s\nasked %s", res.StatusCode, err, body, out.Body)
	}
	reply, err := out.Unary(body)
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return reply
}
