package main

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
)

func TestFloorPassesAnswersThrough(t *testing.T) {
	vendor := httptest.NewServer(fakellm.New(fakellm.Config{}))
	defer vendor.Close()
	to, err := url.Parse(vendor.URL)
	if err != nil {
		t.Fatal(err)
	}
	floor := httptest.NewServer(floorHandler(to))
	defer floor.Close()
	got, err := loadOn(t, floor, scenario{clients: 4}).run(t.Context())
	if err != nil || got.whole == 0 {
		t.Errorf("%+v, error %v", got, err)
	}
}

func TestFloorNeedsAVendor(t *testing.T) {
	for _, args := range [][]string{nil, {"-upstream", "nowhere"}, {"-upstream", "http://%"}, {"-what"}} {
		var complaint strings.Builder
		err := runFloor(t.Context(), args, streams{in: strings.NewReader(""), out: &complaint, err: &complaint})
		if exitCode(err, &complaint) != exitUsage {
			t.Errorf("%q: %v", args, err)
		}
	}
}
