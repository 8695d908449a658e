package gemini

import "github.com/llm-hub/llm-hub/gateway/provider/chat"

// wireProbs is how likely the tokens of a candidate were: the chosen ones, and by
// the same positions the likeliest.
type wireProbs struct {
	Top    []wireTop  `json:"topCandidates,omitempty"`
	Chosen []wireProb `json:"chosenCandidates,omitempty"`
}

type wireTop struct {
	Candidates []wireProb `json:"candidates"`
}

type wireProb struct {
	Token string  `json:"token"`
	Log   float64 `json:"logProbability"`
}

// canonical is nil where the vendor told nothing.
func (w *wireProbs) canonical() *chat.Logprobs {
	if w == nil || len(w.Chosen) == 0 {
		return nil
	}
	out := &chat.Logprobs{Tokens: make([]chat.Logprob, len(w.Chosen))}
	for i, c := range w.Chosen {
		out.Tokens[i] = chat.Logprob{Token: c.Token, Logprob: c.Log}
		if i >= len(w.Top) {
			continue
		}
		for _, t := range w.Top[i].Candidates {
			out.Tokens[i].Top = append(out.Tokens[i].Top, chat.Logprob{Token: t.Token, Logprob: t.Log})
		}
	}
	return out
}

// writeProbs is the inverse of canonical.
func writeProbs(p *chat.Logprobs) *wireProbs {
	if p == nil || len(p.Tokens) == 0 {
		return nil
	}
	w := &wireProbs{Chosen: make([]wireProb, len(p.Tokens))}
	for i, t := range p.Tokens {
		w.Chosen[i] = wireProb{t.Token, t.Logprob}
		if len(t.Top) == 0 {
			continue
		}
		for len(w.Top) < i { // positions must match
			w.Top = append(w.Top, wireTop{Candidates: []wireProb{}})
		}
		top := wireTop{}
		for _, alternative := range t.Top {
			top.Candidates = append(top.Candidates, wireProb{alternative.Token, alternative.Logprob})
		}
		w.Top = append(w.Top, top)
	}
	return w
}
