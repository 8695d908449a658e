package openai

import "github.com/llm-hub/llm-hub/gateway/provider/chat"

// wireLogprobs is how likely the tokens of a text were, in both directions.
type wireLogprobs struct {
	Content []wireLogprob `json:"content"`
	Refusal []wireLogprob `json:"refusal"`
}

type wireLogprob struct {
	Token   string        `json:"token"`
	Logprob float64       `json:"logprob"`
	Bytes   []int         `json:"bytes"`
	Top     []wireLogprob `json:"top_logprobs,omitzero"` // of the tokens themselves: not nil
}

func writeLogprobs(l *chat.Logprobs) *wireLogprobs {
	if l == nil {
		return nil
	}
	w := wireLogprobs{Content: make([]wireLogprob, len(l.Tokens))}
	for i, t := range l.Tokens {
		w.Content[i] = writeLogprob(t)
		w.Content[i].Top = make([]wireLogprob, len(t.Top))
		for j, top := range t.Top {
			w.Content[i].Top[j] = writeLogprob(top)
		}
	}
	return &w
}

func writeLogprob(t chat.Logprob) wireLogprob {
	w := wireLogprob{Token: t.Token, Logprob: t.Logprob, Bytes: make([]int, len(t.Token))}
	for i := range len(t.Token) {
		w.Bytes[i] = int(t.Token[i])
	}
	return w
}

// readLogprobs is nil if there are none.
func readLogprobs(w *wireLogprobs) *chat.Logprobs {
	if w == nil || len(w.Content) == 0 {
		return nil
	}
	l := &chat.Logprobs{Tokens: make([]chat.Logprob, len(w.Content))}
	for i, t := range w.Content {
		l.Tokens[i] = chat.Logprob{Token: t.Token, Logprob: t.Logprob}
		for _, top := range t.Top {
			l.Tokens[i].Top = append(l.Tokens[i].Top, chat.Logprob{Token: top.Token, Logprob: top.Logprob})
		}
	}
	return l
}
