package foreign

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// deployment is an entry of model_list: one way to a vendor's model.
type deployment struct {
	line       int
	place      place
	model      string // as targets and prices name it
	called     string // what the vendor is told instead; empty: model
	credential credential
	keyName    string // what the credential may be named by
	order      int64
	timeouts   [2]string // total, first byte
}

// modelList reads the deployments of every model group.
func (l *litellm) modelList() {
	for i, e := range l.root.get("model_list").elements() {
		path := fmt.Sprintf("model_list[%d]", i)
		group := e.get("model_name").string()
		d, ok := l.deployment(e, path)
		if !ok {
			continue
		}
		if strings.Contains(group, "*") || strings.Contains(d.model, "*") {
			l.notes.add(e.line, path+".model_name", "is not carried over: llm-hub has no wildcards; list the models that are asked for")
			continue
		}
		if group == "" {
			l.notes.add(e.line, path, "is not carried over: it has no model_name")
			continue
		}
		if !slices.Contains(l.groups, group) {
			l.groups = append(l.groups, group)
		}
		l.deployments[group] = append(l.deployments[group], d)
		l.price(e, path, d)
	}
}

// parameters are the litellm_params of an entry, those of a shared credential included.
func (l *litellm) parameters(e *node, path string) *node {
	own := e.get("litellm_params")
	name := own.get("litellm_credential_name")
	if name == nil {
		return own
	}
	for _, c := range l.root.get("credential_list").elements() {
		if c.get("credential_name").string() == name.string() {
			both := &node{line: own.line, shape: mapping}
			both.pairs = append(slices.Clone(c.get("credential_values").pairsOf()), own.pairs...)
			return both
		}
	}
	l.notes.add(name.line, path+".litellm_params.litellm_credential_name", "is not in credential_list")
	return own
}

func (n *node) pairsOf() []pair {
	if n == nil {
		return nil
	}
	return n.pairs
}

// deployment reads one entry; false if it cannot be carried over, which is noted.
func (l *litellm) deployment(e *node, path string) (deployment, bool) {
	p := l.parameters(e, path)
	path += ".litellm_params"
	said := l.text(p.get("model"), path+".model")
	if said == "" || isReference(said) {
		l.notes.add(p.get("model").at(e), path+".model", "is not carried over: it must name a model")
		return deployment{}, false
	}
	vendor, model := vendorOf(said, p.get("custom_llm_provider").string())
	r, known := l.routes[vendor]
	if !known {
		if strings.Contains(said, "*") {
			l.notes.add(e.line, path+".model", "is not carried over: llm-hub has no wildcards; list the models that are asked for")
			return deployment{}, false
		}
		l.notes.add(p.get("model").at(e), path+".model", "is not carried over: llm-hub has no vendor %q; one that speaks OpenAI's dialect is of kind openai with a base_url", vendor)
		return deployment{}, false
	}
	d := deployment{line: e.line, place: place{kind: r.kind}, order: 1}
	var region string
	d.model, region = adorned(r.kind, model)
	d.place.region = region
	if v, ok := p.get("order").whole(); ok {
		d.order = v
	}
	l.where(&d, r, p, path)
	l.proof(&d, r, p, path)
	l.share(&d, p, path)
	d.timeouts = [2]string{l.seconds(p.get("timeout"), path+".timeout"), l.seconds(p.get("stream_timeout"), path+".stream_timeout")}
	l.rename(&d, e)
	l.unread(e, p, path)
	return d, true
}

func (l *litellm) seconds(n *node, path string) string {
	if n == nil || n.string() == "" {
		return ""
	}
	s := seconds(n)
	if s == "" {
		l.notes.add(n.line, path, "is not carried over: it is not a number of seconds, at most a day")
	}
	return s
}

// where reads the place that a deployment is called at.
func (l *litellm) where(d *deployment, r route, p *node, path string) {
	d.place.baseURL = r.address(l.text(p.first("api_base", "base_url"), path+".api_base"))
	if d.place.baseURL == "" && r.baseEnv != "" && r.kind != "ollama" && r.kind != "lmstudio" && r.kind != "vllm" {
		d.place.baseURL = "env:" + r.baseEnv
	}
	switch r.kind {
	case "azure":
		d.place.version = l.text(p.get("api_version"), path+".api_version")
	case "vertex":
		d.place.project = l.text(p.first("vertex_project", "vertex_ai_project"), path+".vertex_project")
		d.place.location = l.text(p.first("vertex_location", "vertex_ai_location"), path+".vertex_location")
	case "bedrock":
		said := l.text(p.first("aws_region_name", "region_name"), path+".aws_region_name")
		d.place.region = cmp.Or(said, d.place.region, "env:AWS_REGION_NAME")
		d.place.baseURL = l.text(p.get("aws_bedrock_runtime_endpoint"), path+".aws_bedrock_runtime_endpoint")
	}
}

// proof reads what a deployment is asked with. Where nothing is said, LiteLLM looks
// into the vendor's usual variable.
func (l *litellm) proof(d *deployment, r route, p *node, path string) {
	take := func(key string, from ...string) bool {
		n := p.first(from...)
		text := l.text(n, path+"."+from[0])
		if text == "" {
			return false
		}
		if d.keyName == "" && strings.HasPrefix(text, "env:") {
			d.keyName = text[len("env:"):]
		}
		if !isReference(text) && key != "tenant_id" && key != "client_id" && key != "access_key" {
			l.notes.add(n.line, path+"."+from[0], "is a secret in clear, and so it is in what came of it: better give env:NAME or file:PATH")
		}
		d.credential.proof = put(d.credential.proof, key, text)
		return true
	}
	switch {
	case r.kind == "vertex":
		l.vertexProof(d, p, path)
	case r.kind == "bedrock":
		if take("api_key", "api_key") {
			return
		}
		if take("access_key", "aws_access_key_id") {
			take("secret_key", "aws_secret_access_key")
			take("session_token", "aws_session_token")
			return
		}
		d.keyName = "AWS_ACCESS_KEY_ID"
		d.credential.proof = obj{{Key: "access_key", Value: "env:AWS_ACCESS_KEY_ID"}, {Key: "secret_key", Value: "env:AWS_SECRET_ACCESS_KEY"}}
		l.notes.add(p.at(nil), path, "bedrock is asked with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the environment; roles and profiles of AWS are not carried over")
	case take("api_key", "api_key"):
	case r.kind == "azure" && take("access_token", "azure_ad_token"):
	case r.kind == "azure" && take("tenant_id", "tenant_id"):
		take("client_id", "client_id")
		take("client_secret", "client_secret")
	case r.keyEnv != "":
		d.keyName = r.keyEnv
		d.credential.proof = obj{{Key: "api_key", Value: "env:" + r.keyEnv}}
	}
}

// vertexProof reads the key of a service account: its file, or the file's content.
func (l *litellm) vertexProof(d *deployment, p *node, path string) {
	n := p.first("vertex_credentials", "vertex_ai_credentials")
	text := l.text(n, path+".vertex_credentials")
	switch {
	case text == "":
		text = "file:google-credentials.json"
		l.notes.add(n.at(p), path, "put the key file of the service account, which GOOGLE_APPLICATION_CREDENTIALS names, to google-credentials.json beside hub.yaml")
	case strings.HasPrefix(text, "{"):
		l.notes.add(n.line, path+".vertex_credentials", "is a secret in clear, and so it is in what came of it: better give env:NAME or file:PATH")
	case strings.HasPrefix(text, "env:"):
		d.keyName = text[len("env:"):]
		l.notes.add(n.line, path+".vertex_credentials", "the variable must hold the content of the key file, not its path")
	default:
		text = "file:" + text
	}
	d.credential.proof = obj{{Key: "service_account", Value: text}}
}

// share reads what may be asked of a deployment, and its part of the requests.
func (l *litellm) share(d *deployment, p *node, path string) {
	for _, limit := range []struct {
		from string
		obj  func(v int64) obj
	}{
		{"rpm", func(v int64) obj { return obj{{Key: "per", Value: "minute"}, {Key: "requests", Value: v}} }},
		{"tpm", func(v int64) obj { return obj{{Key: "per", Value: "minute"}, {Key: "tokens", Value: v}} }},
		{"max_parallel_requests", func(v int64) obj { return obj{{Key: "concurrency", Value: v}} }},
	} {
		n := p.get(limit.from)
		if n == nil || n.string() == "" {
			continue
		}
		if v, ok := n.whole(); ok {
			d.credential.limits = append(d.credential.limits, limit.obj(v))
			continue
		}
		l.notes.add(n.line, path+"."+limit.from, "is not carried over: it is not a whole number above 0")
	}
	d.credential.limits = append(d.credential.limits, l.cost(p, path)...)
	if n := p.get("weight"); n != nil {
		v, ok := n.whole()
		if d.credential.weight = v; !ok {
			d.credential.weight = 0
			l.notes.add(n.line, path+".weight", "is not carried over: it is not a whole number above 0")
		}
	}
}

// rename reads which model stands behind the name of a deployment.
func (l *litellm) rename(d *deployment, e *node) {
	base := l.text(e.get("model_info").get("base_model"), "")
	if _, name, ok := strings.Cut(base, "/"); ok {
		base = name
	}
	if d.place.kind == "azure" && base != "" && !isReference(base) && base != d.model {
		d.model, d.called = base, d.model
	}
}

// price carries over what the operator has said that a model costs.
func (l *litellm) price(e *node, path string, d deployment) {
	said := obj{}
	for _, c := range []struct{ from, class string }{
		{"input_cost_per_token", "input"}, {"cache_read_input_token_cost", "cache_read"}, {"cache_creation_input_token_cost", "cache_write"},
		{"output_cost_per_token", "output"}, {"input_cost_per_audio_token", "audio_input"}, {"output_cost_per_audio_token", "audio_output"},
		{"output_cost_per_reasoning_token", "reasoning"},
	} {
		where := path + ".litellm_params."
		n := e.get("litellm_params").get(c.from)
		if n == nil {
			n, where = e.get("model_info").get(c.from), path+".model_info."
		}
		if n == nil || n.string() == "" {
			continue
		}
		const million = 1_000_000
		amount, exact, ok := nearestUSD(n.string(), million)
		if !ok {
			l.notes.add(n.line, where+c.from, "is not carried over: it is not an amount")
			continue
		}
		if !exact {
			l.notes.add(n.line, where+c.from, "is rounded to a nano-dollar for a million")
		}
		said = put(said, c.class, amount)
	}
	if key := d.place.kind + " " + strings.ToLower(d.model); len(said) > 0 && !l.priced[key] {
		l.priced[key] = true
		price := append(obj{{Key: "model", Value: d.model}, {Key: "provider", Value: d.place.kind}}, said...)
		if err := l.refused(obj{{Key: "settings", Value: obj{{Key: "prices", Value: []any{price}}}}}); err != nil {
			l.notes.add(e.line, path, "its price is not carried over: %s", reason(err))
			return
		}
		l.prices = append(l.prices, price)
	}
}
