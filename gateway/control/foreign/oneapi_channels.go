package foreign

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// channel is a type of channel.
type channel struct {
	kind string
	base string // where vendors without a kind of their own are called, in OpenAI's dialect
}

// channelTypes are the types that both have in common; others follow.
func (o *oneAPI) channelTypes() map[string]channel {
	types := map[string]channel{
		"1": {kind: "openai"}, "3": {kind: "azure"}, "8": {kind: "openai"}, "14": {kind: "anthropic"}, "20": {kind: "openrouter"},
		"24": {kind: "gemini"}, "33": {kind: "bedrock"}, "6": {"openai", "https://api.openaimax.com/v1"}, "7": {"openai", "https://api.ohmygpt.com/v1"},
		"10": {"openai", "https://api.aiproxy.io/v1"}, "12": {"openai", "https://api.api2gpt.com/v1"}, "13": {"openai", "https://api.aigc2d.com/v1"},
		"25": {"openai", "https://api.moonshot.cn/v1"}, "31": {"openai", "https://api.lingyiwanwu.com/v1"},
	}
	more := map[string]channel{ // of one-api
		"26": {"openai", "https://api.baichuan-ai.com/v1"}, "28": {kind: "mistral"}, "29": {kind: "groq"}, "30": {kind: "ollama"},
		"32": {"openai", "https://api.stepfun.com/v1"}, "35": {kind: "cohere"}, "36": {kind: "deepseek"}, "39": {kind: "together"},
		"40": {"openai", "https://ark.cn-beijing.volces.com/api/v3"}, "41": {"openai", "https://api.novita.ai/v3/openai"}, "42": {kind: "vertex"},
		"44": {"openai", "https://api.siliconflow.cn/v1"}, "45": {kind: "xai"}, "49": {"openai", "https://dashscope.aliyuncs.com/compatible-mode/v1"},
		"50": {kind: "openai"},
	}
	if o.newAPI {
		more = map[string]channel{
			"4": {kind: "ollama"}, "26": {"openai", "https://open.bigmodel.cn/api/paas/v4"}, "27": {kind: "perplexity"}, "34": {kind: "cohere"},
			"40": {"openai", "https://api.siliconflow.cn/v1"}, "41": {kind: "vertex"}, "42": {kind: "mistral"}, "43": {kind: "deepseek"},
			"45": {"openai", "https://ark.cn-beijing.volces.com/api/v3"}, "47": {kind: "openai"}, "48": {kind: "xai"},
		}
	}
	for id, c := range more {
		types[id] = c
	}
	return types
}

// reach is a channel as a target of the models it has.
type reach struct {
	provider *account
	priority int64 // higher is tried first
	model    string
	line     int
}

// channels makes a provider of each channel, and the logical models they have.
func (o *oneAPI) channels() {
	types := o.channelTypes()
	by := map[string][]reach{}
	var order []string
	rows := slices.Clone(o.rows["channels"])
	slices.SortStableFunc(rows, func(a, b *node) int { return cmp.Compare(number(a.get("id")), number(b.get("id"))) })
	for _, c := range rows {
		p := o.channel(c, types)
		if p == nil {
			continue
		}
		names := mapped(c.get("model_mapping").string())
		for _, asked := range commas(c.get("models").string()) {
			if by[asked] == nil {
				order = append(order, asked)
			}
			by[asked] = append(by[asked], reach{p, number(c.get("priority")), cmp.Or(names[asked], asked), c.line})
		}
	}
	for _, asked := range order {
		m := &logical{asked: asked, name: o.modelName(asked), line: by[asked][0].line}
		if m.name != asked {
			o.notes.add(m.line, "models", "applications must ask for %q instead of %q: a logical model's name has only a-z, 0-9, _, - and dots", m.name, asked)
		}
		m.targets = ranked(by[asked])
		o.models = append(o.models, m)
	}
	o.reachable(rows)
}

// ranked are targets by their priority: what is tried first has 1.
func ranked(rs []reach) []target {
	var ranks []int64
	for _, r := range rs {
		ranks = append(ranks, r.priority)
	}
	slices.Sort(ranks)
	ranks = slices.Compact(ranks)
	slices.Reverse(ranks)
	var out []target
	for _, r := range rs {
		out = append(out, target{r.provider, r.model, slices.Index(ranks, r.priority) + 1})
	}
	return out
}

// reachable notes which models the channels of each group have.
func (o *oneAPI) reachable(rows []*node) {
	names := map[string]string{}
	for _, m := range o.models {
		names[m.asked] = m.name
	}
	for _, c := range rows {
		groups := commas(cmp.Or(c.get("group").string(), "default"))
		for _, g := range groups {
			home := o.group(g)
			if o.groups[home] == nil {
				o.groups[home] = map[string]bool{}
			}
			for _, asked := range commas(c.get("models").string()) {
				if names[asked] != "" {
					o.groups[home][names[asked]] = true
				}
			}
		}
	}
	if len(o.groups) > 1 {
		o.notes.add(0, "channels", "groups of channels become lists of models that keys may use; a model that several groups have is answered by the channels of all of them")
	}
}

// channel makes a provider; nil if there is none of the kind.
func (o *oneAPI) channel(c *node, types map[string]channel) *account {
	name := cmp.Or(c.get("name").string(), c.get("id").string())
	path := "channels." + name
	as, known := types[c.get("type").string()]
	if !known {
		o.notes.add(c.line, path, "is not carried over: llm-hub has no kind of vendor for type %d", number(c.get("type")))
		return nil
	}
	p := &account{place: place{kind: as.kind, baseURL: o.address(as, c.get("base_url").string())}}
	keys := o.proofs(p, c)
	if len(keys) == 0 && as.kind != "ollama" {
		o.notes.add(c.line, path, "is not carried over: its key is not there, or not one of its kind; a dump of the database has it")
		return nil
	}
	for i, k := range keys {
		k.name = "main"
		if i > 0 {
			k.name = "key-" + strconv.Itoa(i+1)
		}
		p.credentials = append(p.credentials, k)
	}
	p.name = o.id("provider", name, as.kind)
	if p.off = c.get("status").string() != "1"; p.off {
		o.notes.add(c.line, path, "is disabled, as it was")
	}
	if w := number(c.get("weight")); w > 1 {
		o.notes.add(c.line, path+".weight", "is not carried over: channels of one priority are drawn alike")
	}
	for _, field := range []string{"param_override", "header_override", "setting", "settings", "status_code_mapping", "openai_organization", "system_prompt", "proxy"} {
		if text := c.get(field).string(); text != "" && text != "{}" && text != "null" {
			o.notes.add(c.line, path+"."+field, "is not carried over: llm-hub adds nothing to what applications ask for")
		}
	}
	o.providers = append(o.providers, p)
	return p
}

// address is a channel's as the kind has it: theirs lacks the /v1.
func (o *oneAPI) address(as channel, base string) string {
	if base = strings.TrimRight(base, "/"); base == "" {
		return as.base
	}
	base = strings.TrimSuffix(base, "/v1/chat/completions")
	switch as.kind {
	case "azure", "anthropic", "gemini", "vertex", "bedrock", "cohere":
		return base
	}
	if end := base[strings.LastIndexByte(base, '/')+1:]; len(end) > 1 && end[0] == 'v' && end[1] >= '0' && end[1] <= '9' {
		return base
	}
	return base + "/v1"
}

// proofs are the keys of a channel. Some kinds have more than a key in the field.
func (o *oneAPI) proofs(p *account, c *node) []credential {
	text, other := c.get("key").string(), c.get("other").string()
	config := mappedAny(c.get("config").string())
	var out []credential
	add := func(o obj) { out = append(out, credential{proof: o}) }
	switch p.kind {
	case "azure":
		p.version = cmp.Or(config["api_version"], other)
	case "bedrock":
		for _, line := range strings.Fields(text) {
			parts := strings.Split(line, "|")
			if len(parts) == 3 {
				p.region = parts[2]
				add(obj{{Key: "access_key", Value: parts[0]}, {Key: "secret_key", Value: parts[1]}})
			}
		}
		if len(out) == 0 && config["ak"] != "" {
			p.region = config["region"]
			add(obj{{Key: "access_key", Value: config["ak"]}, {Key: "secret_key", Value: config["sk"]}})
		}
		return out
	case "vertex":
		return o.vertexProofs(p, text, other, config)
	}
	for _, line := range strings.Fields(text) {
		if !strings.Contains(line, "*") && !isReference(line) {
			add(obj{{Key: "api_key", Value: line}})
		}
	}
	return out
}

func (o *oneAPI) vertexProofs(p *account, text, other string, config map[string]string) []credential {
	file := cmp.Or(config["vertex_ai_adc"], text)
	regions := mappedAny(other)
	p.location = cmp.Or(config["region"], regions["default"])
	if len(regions) == 0 && p.location == "" {
		p.location = other
	}
	if p.project = cmp.Or(config["vertex_ai_project_id"], mappedAny(file)["project_id"]); file == "" {
		return nil
	}
	return []credential{{proof: obj{{Key: "service_account", Value: file}}}}
}

// mappedAny are the texts of a JSON object.
func mappedAny(text string) map[string]string {
	var m map[string]any
	if json.Unmarshal([]byte(text), &m) != nil {
		return nil
	}
	out := map[string]string{}
	for k, v := range m {
		if s, ok := v.(string); ok {
			out[k] = s
		}
	}
	return out
}

// number is a whole number, 0 if it is none.
func number(n *node) int64 {
	v, err := strconv.ParseInt(n.string(), 10, 64)
	if err != nil {
		return 0
	}
	return v
}
