package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestBooks(t *testing.T) {
	good := func() *books {
		served := account{Requests: 10, Input: 1000, Output: 1280}
		return &books{Lane: "strict", Answers: 10, Vendor: served, Hub: entry{account: served, Attempts: 10, CostNanoUSD: 1000*150 + 1280*600}}
	}
	for _, c := range []struct {
		name   string
		change func(*books)
		want   string
	}{
		{"good", func(*books) {}, ""},
		{"lost", func(b *books) { b.Hub.Requests-- }, "1 requests lost, 0 doubled"},
		{"client holds more than was served", func(b *books) { b.Answers += 2 }, "2 requests lost"},
		{"doubled", func(b *books) { b.Hub.Requests += 3 }, "0 requests lost, 3 doubled"},
		{"tokens", func(b *books) { b.Hub.Input--; b.Hub.Output++ }, "drift 2 tokens"},
		{"cost", func(b *books) { b.Hub.CostNanoUSD-- }, "drift 0 tokens and 1 nano-USD"},
		{"attempts", func(b *books) { b.Hub.Attempts++ }, "10 requests took 11 attempts"},
		{"unpriced", func(b *books) { b.Hub.Unpriced = 1 }, "1 records without a price"},
		{"estimated", func(b *books) { b.Hub.Estimated = 1 }, "1 estimated"},
	} {
		b := good()
		c.change(b)
		b.compare()
		err := b.problem()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestHubUsage(t *testing.T) {
	for _, c := range []struct {
		name, body string
		status     int
		want       int64
		err        string
	}{
		{name: "none", body: `{"rows": []}`, status: 200},
		{name: "one", body: `{"rows": [{"group": {}, "requests": 7, "cost_usd": "0.1"}]}`, status: 200, want: 7},
		{name: "two", body: `{"rows": [{}, {}]}`, status: 200, err: "2 rows"},
		{name: "no tables", body: `{"error": "no engine"}`, status: 503, err: "status 503"},
		{name: "nonsense", body: `{`, status: 200, err: "unexpected end"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer t" {
				t.Error("without the operator's token")
			}
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		}))
		got, err := (&hub{base: server.URL, token: "t"}).usage(t.Context())
		server.Close()
		if got.Requests != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %+v, error %v", c.name, got, err)
		}
	}
}
