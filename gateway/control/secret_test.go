package control_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"text/template"

	"github.com/goccy/go-yaml"

	"github.com/llm-hub/llm-hub/gateway/control"
)

const secretText = "the-secret-text"

// secretHolder has a secret where printers may call its methods and where they may not.
type secretHolder struct {
	Public  control.Secret
	Pointer *control.Secret
	hidden  control.Secret
	inside  struct{ hidden *control.Secret }
}

// secretsInside are a secret and what has it inside, by the names of the cases.
func secretsInside() map[string]any {
	s := control.NewSecret(secretText)
	holder := secretHolder{Public: s, Pointer: &s, hidden: s}
	holder.inside.hidden = &s
	return map[string]any{
		"itself": s, "pointer": &s, "struct": holder, "pointer to a struct": &holder, "list": []control.Secret{s}, "list of structs": []secretHolder{holder},
		"map": map[string]control.Secret{"k": s}, "credential": control.Credential{Name: "main", APIKey: s}, "webhook": &control.Webhook{Secret: s},
		"error": fmt.Errorf("wrapped %w %v", errors.New("x"), s), "any": any(&holder),
	}
}

// showsSecret tells whether a text has the secret, or its letters in hex.
func showsSecret(text string) bool {
	return strings.Contains(text, secretText) || strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", secretText))
}

func TestSecretShowsNothing(t *testing.T) {
	for name, v := range secretsInside() {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%t", "%c", "%U", "%e"} {
				fmt.Fprintf(&out, verb+"\n", v)
			}
			fmt.Fprintln(&out, v)
			slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v, slog.Group("g", "v", v))
			slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v, slog.Group("g", "v", v))
			if err := template.Must(template.New("").Parse("{{.}} {{printf `%#v` .}}\n")).Execute(&out, v); err != nil {
				t.Fatal(err)
			}
			for format, marshal := range map[string]func(any) ([]byte, error){"json": json.Marshal, "xml": xml.Marshal, "yaml": yaml.Marshal} {
				data, err := marshal(v)
				if err != nil && format != "xml" { // which has no maps
					t.Errorf("%s: %v", format, err)
				}
				fmt.Fprintf(&out, "%s %v\n", data, err)
			}
			if showsSecret(out.String()) {
				t.Errorf("the secret is shown:\n%s", out.String())
			}
		})
	}
}

func TestSecretIsWhatItWasMadeOf(t *testing.T) {
	s := control.NewSecret(secretText)
	if s.Reveal() != secretText || s.Empty() || !s.Equal(control.NewSecret(secretText)) || s.Equal(control.NewSecret("other")) {
		t.Error("the secret is not what it was made of")
	}
	var none control.Secret
	if !none.Empty() || none.Reveal() != "" || !none.Equal(control.NewSecret("")) {
		t.Error("the zero secret is not empty")
	}
}

// TestCrashShowsNothing ends processes by panics with secrets in them, which the runtime
// prints in its own way.
func TestCrashShowsNothing(t *testing.T) {
	const variable = "LLMHUB_TEST_CRASH"
	if name, crash := os.LookupEnv(variable); crash {
		v := secretsInside()[name]
		go func() { // no test is around it there
			panic(v) //nolint:forbidigo // what the test is about
		}()
		select {} // until the process is gone
	}
	for name := range secretsInside() {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestCrashShowsNothing$")
		cmd.Env = append(os.Environ(), variable+"="+name, "GOTRACEBACK=all")
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "panic: ") || !strings.Contains(string(out), "goroutine ") {
			t.Errorf("%s: no crash: %v\n%s", name, err, out)
		}
		if showsSecret(string(out)) {
			t.Errorf("%s: the secret is shown:\n%s", name, strconv.Quote(string(out)))
		}
	}
}
