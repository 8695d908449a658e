package events_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
)

func TestMessageID(t *testing.T) {
	for text, id := range map[string]events.MessageID{
		"n1.e1.00.1":                       {Node: "n1", Epoch: "e1", Counter: 1},
		"n1." + string(epochID) + ".15.42": {Node: "n1", Epoch: epochID, Partition: 15, Counter: 42},
		"a-b.e.07.18446744073709551615":    {Node: "a-b", Epoch: "e", Partition: 7, Counter: 1<<64 - 1},
	} {
		if got := id.String(); got != text {
			t.Errorf("%+v is %q, want %q", id, got, text)
		}
		got, err := events.ParseMessageID(text)
		if err != nil || got != id {
			t.Errorf("%q is %+v (%v), want %+v", text, got, err, id)
		}
	}
}

func TestParseMessageIDRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":             "",
		"three parts":         "n1.e1.00",
		"five parts":          "n1.e1.00.1.2",
		"no node":             ".e1.00.1",
		"no epoch":            "n1..00.1",
		"partition 16":        "n1.e1.16.1",
		"partition of 1":      "n1.e1.7.1",
		"partition of 3":      "n1.e1.007.1",
		"negative partition":  "n1.e1.-1.1",
		"counter 0":           "n1.e1.00.0",
		"counter with a sign": "n1.e1.00.+1",
		"padded counter":      "n1.e1.00.01",
		"too large a counter": "n1.e1.00.18446744073709551616",
	} {
		t.Run(name, func(t *testing.T) {
			if id, err := events.ParseMessageID(text); err == nil {
				t.Errorf("%q is %+v", text, id)
			} else if !strings.Contains(err.Error(), "message id") {
				t.Errorf("the error does not say of what: %v", err)
			}
		})
	}
}

// FuzzParseMessageID holds that an id has one text only.
func FuzzParseMessageID(f *testing.F) {
	f.Add("n1.e1.00.1")
	f.Add("n1." + string(epochID) + ".15.42")
	f.Add("...")
	f.Fuzz(func(t *testing.T, text string) {
		if id, err := events.ParseMessageID(text); err == nil && id.String() != text {
			t.Errorf("%q parses to the id %q", text, id)
		}
	})
}

func TestLines(t *testing.T) {
	tests := map[string]struct {
		data  string
		count int
		want  []string // nil: an error
	}{
		"one":              {"{}\n", 1, []string{"{}"}},
		"three":            {"1\n22\n333\n", 3, []string{"1", "22", "333"}},
		"last is open":     {"1\n2", 2, []string{"1", "2"}},
		"an empty line":    {"1\n\n3\n", 3, []string{"1", "", "3"}},
		"nothing":          {"", 0, nil},
		"a line break":     {"\n", 1, nil},
		"more than it has": {"1\n2\n", 3, nil},
		"less than it has": {"1\n2\n", 1, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			lines, err := events.Message{Data: []byte(tt.data), Count: tt.count}.Lines()
			if (err != nil) != (tt.want == nil) {
				t.Fatalf("%q, %v", lines, err)
			}
			var got []string
			for _, l := range lines {
				got = append(got, string(l))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheckKeys(t *testing.T) {
	for _, key := range []string{
		"a", "ckpt.00", "tables", "c.03.tenant.acme", "c.03.key.acme/ci", "c.15.credential.open-ai/main_2", "c.00.model.llama3:8b",
		strings.Repeat("x", 512),
	} {
		if !events.ValidKey(key) {
			t.Errorf("%q is refused", key)
		}
	}
	for _, key := range []string{"", ".", ".a", "a.", "a..b", "a b", "a*", "a.>", "ä", "a\n", "a\x7f", strings.Repeat("x", 513)} {
		if events.ValidKey(key) {
			t.Errorf("%q is accepted", key)
		}
	}
}

func TestOneLine(t *testing.T) {
	if got := events.OneLine(" not\r\n\tJSON:  x "); got != "not JSON: x" {
		t.Errorf("%q", got)
	}
}
