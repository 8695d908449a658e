package vendors_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/vendors"
)

// BenchmarkLanes is what an answer costs between the client's bytes and the vendor's, in
// every dialect, whole and streamed in about 60 pieces, over every wire: where both are the
// same the bytes pass, elsewhere they are translated.
func BenchmarkLanes(b *testing.B) {
	server := fakellm.New(fakellm.Config{})
	fake := httptest.NewServer(server)
	b.Cleanup(fake.Close)
	all := lanes()
	for _, base := range bases() {
		if base.name != base.kind {
			continue // another place of a wire that is measured
		}
		site := base.open(b, server, fake.URL)
		site.target.Model += "+chunk=1+out=60"
		for _, lane := range slices.Sorted(maps.Keys(all)) {
			b.Run(lane+"/"+base.kind, func(b *testing.B) {
				adapter := vendors.Adapters()(site.kind)
				answer := site.answer(b, prepared(b, adapter, all[lane], site.target))
				b.ReportAllocs()
				for b.Loop() {
					out := prepared(b, adapter, all[lane], site.target)
					if out.Unary == nil {
						drain(b, out.Stream(bytes.NewReader(answer)))
					} else if _, err := out.Unary(answer); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func prepared(b *testing.B, v provider.Vendor, parse func() (*provider.Inbound, error), t provider.Target) *provider.Outbound {
	in, err := parse()
	if err != nil {
		b.Fatal(err)
	}
	out, err := v.Prepare(in, t)
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// answer is what the vendor answers.
func (s site) answer(b *testing.B, out *provider.Outbound) []byte {
	res := s.do(b, out)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		b.Fatalf("%v: status %d: %s", err, res.StatusCode, body)
	}
	return body
}

func drain(b *testing.B, s provider.Stream) {
	for {
		_, err := s.Next()
		if errors.Is(err, io.EOF) {
			s.Trailer(provider.Bill{Request: "r1"})
			return
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
