package fakellm

import (
	"encoding/json"
	"strings"
)

// judged is one input of a moderation.
type judged struct {
	text   string
	images bool // there are some with it
}

// wantModeration reads a text, texts, which are judged one by one, or the parts of one
// message.
func (c *call) wantModeration(f fields) *failure {
	input := f.texts["input"]
	var texts []string
	var parts []struct {
		Type string
		Text string
	}
	switch {
	case input == "":
		return invalid("input", "Missing required parameter: 'input'.")
	case json.Unmarshal([]byte(input), &texts) == nil:
		for _, text := range texts {
			c.task.judged = append(c.task.judged, judged{text: text})
		}
	case json.Unmarshal([]byte(input), &parts) == nil:
		var message judged
		for _, p := range parts {
			message.text += p.Text
			message.images = message.images || p.Type == "image_url"
		}
		c.task.judged = []judged{message}
	default:
		c.task.judged = []judged{{text: input}}
	}
	for _, j := range c.task.judged {
		c.user(j.text)
	}
	return nil
}

// moderation flags whoever speaks of violence.
func moderation(c *call) []byte {
	results := make([]any, len(c.task.judged))
	for i, j := range c.task.judged {
		results[i] = verdict(j)
	}
	return indentedJSON(map[string]any{
		"id": c.ids.next("modr-", openaiChatIDSize), "model": c.baseModel(), "results": results,
	})
}

// verdict names every category. Images are looked at for some of them only.
func verdict(j judged) map[string]any {
	const violence = "violence"
	violent := strings.Contains(j.text, violence)
	categories, scores, applied := map[string]bool{}, map[string]float64{}, map[string][]string{}
	for name, seen := range map[string]bool{
		"harassment": false, "harassment/threatening": false, "hate": false, "hate/threatening": false,
		"illicit": false, "illicit/violent": false, "self-harm": true, "self-harm/instructions": true,
		"self-harm/intent": true, "sexual": true, "sexual/minors": false, violence: true, "violence/graphic": true,
	} {
		categories[name], scores[name], applied[name] = false, 0.01, []string{"text"}
		if seen && j.images {
			applied[name] = append(applied[name], "image")
		}
	}
	if violent {
		categories[violence], scores[violence] = true, 0.99
	}
	return map[string]any{
		"flagged": violent, "categories": categories, "category_scores": scores, "category_applied_input_types": applied,
	}
}
