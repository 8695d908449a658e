package fakellm_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
)

func TestParseDirective(t *testing.T) {
	tests := map[string]fakellm.Directive{
		"":      nil,
		" + , ": nil,
		"429":   {{Name: "429", Probability: 1}},
		"latency=200ms+cut=3": {
			{Name: "latency", Value: "200ms", Probability: 1},
			{Name: "cut", Value: "3", Probability: 1},
		},
		"cut, noend usage=none": {
			{Name: "cut", Probability: 1},
			{Name: "noend", Probability: 1},
			{Name: "usage", Value: "none", Probability: 1},
		},
		"500:p=0.3":         {{Name: "500", Probability: 0.3}},
		"429:after=2:p=0.5": {{Name: "429", Probability: 0.5, After: 2 * time.Second}},
		"503:date=30":       {{Name: "503", Probability: 1, After: 30 * time.Second, Date: true}},
		"stall=0":           {{Name: "stall", Value: "0", Probability: 1}},
	}
	for in, want := range tests {
		got, err := fakellm.ParseDirective(in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", in, diff)
		}
	}
}

func TestParseDirectiveNamesTheMistake(t *testing.T) {
	tests := map[string]string{
		"bogus":                   `unknown term "bogus"`,
		"cut=3+slow=1":            `fake directive "slow=1"`,
		"latency":                 `"" is not a duration`,
		"latency=-1s":             "not a duration from 0",
		"latency=2h":              "1h0m0s",
		"cut=-1":                  "not a whole number",
		"cut=x":                   "not a whole number",
		"cut=99999999999":         "not a whole number",
		"out":                     "not a whole number",
		"split=0":                 "at least 1",
		"chunk=0":                 "at least 1",
		"rpm=0":                   "at least 1",
		"tpm=many":                "not a whole number",
		"huge=9999999":            "not a whole number",
		"usage=thrice":            "neither none nor twice",
		"reset=1":                 "takes no value",
		"429=1":                   "takes no value",
		"cut=":                    "value is empty",
		"200":                     "unknown term",
		"600":                     "unknown term",
		"500:p=2":                 "not a number from 0 to 1",
		"500:p=NaN":               "not a number from 0 to 1",
		"500:q=1":                 `unknown option "q"`,
		"500:after=x":             "option after",
		"cut=1:after=1":           "only a status takes it",
		strings.Repeat("x", 2000): "at most 1024",
	}
	for in, want := range tests {
		if _, err := fakellm.ParseDirective(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got error %v, want one with %q", in, err, want)
		}
	}
}

func FuzzParseDirective(f *testing.F) {
	for _, seed := range []string{
		"latency=200ms+cut=3", "429:after=2:p=0.5", "503:date=0", "usage=twice,huge=1", "reset:p=0.25", "a=b:c=d", "+++",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		d, err := fakellm.ParseDirective(in)
		if err != nil {
			return
		}
		again, err := fakellm.ParseDirective(d.String())
		if err != nil {
			t.Fatalf("%q became %q, which fails: %v", in, d, err)
		}
		if diff := cmp.Diff(d, again); diff != "" {
			t.Fatalf("%q became %q (-first +second):\n%s", in, d, diff)
		}
	})
}

func FuzzRequest(f *testing.F) {
	for _, v := range vendors() {
		a := chat(v, "m", "use tools", true)
		f.Add(a.path, a.body)
	}
	f.Add("/v1/chat/completions", `{"model":"bench"`)
	f.Add("/v1/responses", `{"model":"m","input":[{"role":"user","content":"use tools"},{"type":"function_call"}],"tools":[{"type":"function","name":"f"}],"stream":true}`)
	f.Add("/v1beta/models/g:generateContent", `{"contents":[{"parts":[{"functionCall":null},{"functionResponse":{}}]}],"tools":[{"functionDeclarations":[{"parameters":{"items":{"type":["a"]}}}]}]}`)
	fake := fakellm.New(fakellm.Config{TotalsOnly: true})
	f.Fuzz(func(t *testing.T, path, body string) {
		serveFuzz(t, fake, path, body)
	})
}
