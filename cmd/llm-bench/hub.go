package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"
)

// pollEvery is the pause between two looks at something that is awaited.
const pollEvery = 10 * time.Millisecond

// A mode is how a hub runs: what it waits for, and how durable its log is.
type mode struct{ ack, logClass string }

const defaultLogClass = "durable"

// parseModes reads a list like strict,async/dev; without a class a log is durable. An empty list
// is no hub at all.
func parseModes(list string) ([]mode, error) {
	if list == "" {
		return nil, nil
	}
	var modes []mode
	seen := map[mode]bool{}
	for text := range strings.SplitSeq(list, ",") {
		m := mode{logClass: defaultLogClass}
		ack, class, given := strings.Cut(strings.TrimSpace(text), "/")
		m.ack = ack
		if given {
			m.logClass = class
		}
		switch {
		case m.ack != "strict" && m.ack != "first-byte" && m.ack != "async":
			return nil, fmt.Errorf("%q is not strict, first-byte or async, with /dev or /durable behind it", text)
		case m.logClass != "dev" && m.logClass != defaultLogClass:
			return nil, fmt.Errorf("%q: the log class is dev or durable", text)
		case seen[m]:
			return nil, fmt.Errorf("%q is given twice", text)
		}
		seen[m] = true
		modes = append(modes, m)
	}
	return modes, nil
}

// String is the mode's name in reports; it also names its vendor key and directory.
func (m mode) String() string {
	if m.logClass == defaultLogClass {
		return m.ack
	}
	return m.ack + "-" + m.logClass
}

// price is what every bench model costs, in US dollars for a million tokens.
type price struct{ input, output string }

func benchPrice() price { return price{input: "0.15", output: "0.60"} }

// hubConfig is what a generated hub.yaml says.
type hubConfig struct {
	Vendor    string // URL of the fake vendor
	VendorKey string // by which its ledger tells the hubs apart
	Key       string // virtual key of the load
	Models    []model
}

const hubTemplate = `providers:
  - name: vendor
    kind: openai
    base_url: {{json .Vendor}}
    credentials: [{name: main, api_key: {{json .VendorKey}}}]
models:
{{- range .Models}}
  - name: {{json .Logical}}
    targets: [{provider: vendor, model: {{json .Vendor}}}]
{{- end}}
tenants:
  - name: bench
    keys: [{name: load, key: {{json .Key}}}]
settings:
  prices:
{{- range .Models}}
    - {model: {{json .Vendor}}, input: {{json $.Input}}, output: {{json $.Output}}}
{{- end}}
`

// render writes the hub.yaml. Every text in it is a JSON string, and so a YAML one.
func (c hubConfig) render(w io.Writer) error {
	type row struct{ Logical, Vendor string }
	var rows []row
	for _, m := range c.Models {
		rows = append(rows, row{m.logical, m.vendor})
	}
	t, err := template.New("hub.yaml").Funcs(template.FuncMap{"json": quote}).Parse(hubTemplate)
	if err != nil {
		return fmt.Errorf("hub.yaml: %w", err)
	}
	p := benchPrice()
	return t.Execute(w, map[string]any{
		"Vendor": c.Vendor, "VendorKey": c.VendorKey, "Key": c.Key, "Models": rows, "Input": p.input, "Output": p.output,
	})
}

func quote(s string) (string, error) {
	b, err := json.Marshal(s)
	return string(b), err
}

// A hub is a running llm-hub.
type hub struct {
	*process
	binary  string
	data    string        // its directory
	base    string        // URL
	token   string        // of the operator
	started time.Duration // until it was ready
}

// startHub runs an llm-hub on a directory of its own and waits until it is ready.
func startHub(ctx context.Context, binary, dir string, m mode, c hubConfig) (*hub, error) {
	h := &hub{binary: binary, data: filepath.Join(dir, "data")}
	config := filepath.Join(dir, "hub.yaml")
	var text strings.Builder
	if err := c.render(&text); err != nil {
		return nil, err
	}
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(config, []byte(text.String()), 0o600)); err != nil {
		return nil, fmt.Errorf("prepare hub: %w", err)
	}
	begin := time.Now()
	var err error
	h.process, err = start(nil, binary, "serve", "--config", config, "--data", h.data,
		"--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--allow-private-cidrs", "127.0.0.0/8",
		"--ack", m.ack, "--log-class", m.logClass)
	if err != nil {
		return nil, err
	}
	if err := h.ready(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("hub %s: %w", m, err), h.kill())
	}
	h.started = time.Since(begin)
	token, err := os.ReadFile(filepath.Join(h.data, "operator.token"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hub %s: %w", m, err), h.kill())
	}
	h.token = strings.TrimSpace(string(token))
	return h, nil
}

// ready waits for the hub's address, then for its readiness.
func (h *hub) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return poll(ctx, pollEvery, func() error {
		select {
		case <-h.exited:
			return final{h.ended()}
		default:
		}
		b, err := os.ReadFile(filepath.Join(h.data, "server.json"))
		if err != nil {
			return err
		}
		var info struct{ Address string }
		if err := json.Unmarshal(b, &info); err != nil {
			return fmt.Errorf("server.json: %w", err)
		}
		h.base = info.Address
		return getJSON(ctx, h.base+"/readyz", "", nil)
	})
}

// address is the hub's host:port.
func (h *hub) address() (string, error) {
	u, err := url.Parse(h.base)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("server.json: address %q is not a URL", h.base)
	}
	return u.Host, nil
}

// final is an error that waiting will not mend.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// poll calls try until it gives nil or a final error. When ctx ends, its last error tells why.
func poll(ctx context.Context, every time.Duration, try func() error) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		if f, ok := errors.AsType[final](err); ok {
			return f.error
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}

// getJSON reads what stands at a URL; token and into may be empty.
func getJSON(ctx context.Context, from, token string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", from, err)
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: status %d: %.*s", from, resp.StatusCode, maxErrorText, body)
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return nil
}
