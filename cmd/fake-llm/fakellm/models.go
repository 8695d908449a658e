package fakellm

type openaiModelObject struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

func openaiModelOf(name string) openaiModelObject {
	return openaiModelObject{ID: name, Object: "model", Created: 1_700_000_000, OwnedBy: "fake-llm"}
}

func openaiModel(name string) []byte { return indentedJSON(openaiModelOf(name)) }

func openaiModels(names []string) []byte {
	list := struct {
		Object string              `json:"object"`
		Data   []openaiModelObject `json:"data"`
	}{Object: "list"}
	for _, n := range names {
		list.Data = append(list.Data, openaiModelOf(n))
	}
	return indentedJSON(list)
}

type anthropicModelObject struct {
	Type        string `json:"type"`
	ID          string `json:"id"`
	DisplayName string `json:"display_name"`
	CreatedAt   string `json:"created_at"`
}

func anthropicModelOf(name string) anthropicModelObject {
	return anthropicModelObject{Type: "model", ID: name, DisplayName: name, CreatedAt: "2026-01-01T00:00:00Z"}
}

func anthropicModel(name string) []byte { return compactJSON(anthropicModelOf(name)) }

func anthropicModels(names []string) []byte {
	list := struct {
		Data    []anthropicModelObject `json:"data"`
		HasMore bool                   `json:"has_more"`
		FirstID string                 `json:"first_id"`
		LastID  string                 `json:"last_id"`
	}{FirstID: names[0], LastID: names[len(names)-1]}
	for _, n := range names {
		list.Data = append(list.Data, anthropicModelOf(n))
	}
	return compactJSON(list)
}

type geminiModelObject struct {
	Name        string   `json:"name"`
	Version     string   `json:"version"`
	DisplayName string   `json:"displayName"`
	InputLimit  int64    `json:"inputTokenLimit"`
	OutputLimit int64    `json:"outputTokenLimit"`
	Methods     []string `json:"supportedGenerationMethods"`
}

func geminiModelOf(name string) geminiModelObject {
	return geminiModelObject{
		Name: "models/" + name, Version: "001", DisplayName: name,
		InputLimit: 1 << 20, OutputLimit: 1 << 16,
		Methods: []string{"generateContent", "streamGenerateContent"},
	}
}

func geminiModel(name string) []byte { return indentedJSON(geminiModelOf(name)) }

func geminiModels(names []string) []byte {
	var list struct {
		Models []geminiModelObject `json:"models"`
	}
	for _, n := range names {
		list.Models = append(list.Models, geminiModelOf(n))
	}
	return indentedJSON(list)
}

// modelNames are the models a vendor lists; it answers to any name.
func modelNames(v Vendor) []string {
	names := map[Vendor][]string{
		OpenAI:    {"gpt-fake", "gpt-fake-mini"},
		Anthropic: {"claude-fake", "claude-fake-mini"},
		Gemini:    {"gemini-fake", "gemini-fake-mini"},
		Cohere:    {"command-fake", "embed-fake", "rerank-fake"},
	}
	return append(names[v], benchModel, benchStreamModel)
}
