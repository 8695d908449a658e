package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
)

const shortLoad = 30 * time.Millisecond

// loadOn is a load of a scenario, straight to a server.
func loadOn(t *testing.T, server *httptest.Server, s scenario) load {
	t.Helper()
	address := strings.TrimPrefix(server.URL, "http://")
	request, err := s.request(&lane{name: directLane, address: address, key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	return load{address: address, request: request, events: s.events(), clients: s.clients, duration: shortLoad}
}

func TestLoadOnTheFakeVendor(t *testing.T) {
	fake := fakellm.New(fakellm.Config{TotalsOnly: true})
	server := httptest.NewServer(fake)
	defer server.Close()
	var whole, events int
	for _, s := range scenarios() {
		s.clients = min(s.clients, 8)
		got, err := loadOn(t, server, s).run(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		if got.why != nil || got.failed+got.torn > 0 || got.sent != got.whole || got.measured != got.sent-s.clients || got.measured == 0 {
			t.Errorf("%s: %+v", s, got)
		}
		if len(got.latencies) != got.measured || !slices.IsSorted(got.latencies) || len(got.firsts) != got.measured || !slices.IsSorted(got.firsts) {
			t.Errorf("%s: %d latencies, %d first bytes for %d answers, or not sorted", s, len(got.latencies), len(got.firsts), got.measured)
		}
		if s.slow && got.latencies[0] < slowVendor {
			t.Errorf("%s: answered after %s", s, got.latencies[0])
		}
		if got.elapsed < shortLoad || got.elapsed < got.latencies[len(got.latencies)-1] {
			t.Errorf("%s: took %s", s, got.elapsed)
		}
		if s.stream != (got.events >= got.measured*streamEvents) {
			t.Errorf("%s: %d events in %d answers", s, got.events, got.measured)
		}
		whole += got.whole
		events += got.events
	}
	served, err := vendorAccounts(t.Context(), server.URL)
	if err != nil || served["k"].Requests != int64(whole) {
		t.Errorf("the vendor served %+v, clients hold %d; error %v", served, whole, err)
	}
}

func TestLoadCountsWhatFails(t *testing.T) {
	var n atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch n.Add(1) % 3 {
		case 0:
			http.Error(w, "no more", http.StatusTooManyRequests)
		case 1:
			_, _ = io.WriteString(w, "{}")
		case 2:
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "{}")
			tear(w)
		}
	}))
	defer server.Close()
	got, err := loadOn(t, server, scenario{clients: 1}).run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.sent != got.whole+got.failed+got.torn || got.sent != int(n.Load()) {
		t.Errorf("%d arrived, counted %+v", n.Load(), got)
	}
	for name, count := range map[string]int{"whole": got.whole, "failed": got.failed, "torn": got.torn} {
		if count < got.sent/3 || count > got.sent/3+1 {
			t.Errorf("%d of %d %s", count, got.sent, name)
		}
	}
	if !errors.Is(got.why, errTorn) {
		t.Errorf("the first reason is %v", got.why)
	}
}

func TestLoadWithoutServer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	l := loadOn(t, server, scenario{clients: 2})
	server.Close()
	if got, err := l.run(t.Context()); err == nil {
		t.Errorf("no error, but %+v", got)
	}
}

func TestLoadEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done() // never answers
	}))
	defer server.Close()
	l := loadOn(t, server, scenario{clients: 3})
	l.duration = time.Hour
	if _, err := l.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
