package chat

import (
	"slices"
	"strings"
)

// Signer is a [Wire] whose vendor signs thoughts or calls and wants the signatures
// back. Clients get them marked with the signer's name, "anthropic:EqQB", and a
// vendor gets back its own only, without the mark: another's it would refuse.
// Wires, clients and their encoders need not care, but for a dialect whose
// applications take a signature for base64: it must encode the marked one anew.
//
// A signature without a mark comes from the vendor whose dialect the client
// speaks, which passes them untouched.
type Signer interface {
	// SignsAs names the signer: lower-case letters, digits and hyphens.
	SignsAs() string
}

const markEnd = ":"

// SignedBy splits a signature that a client was given into the name of its signer,
// empty if it is not marked, and what the vendor gave. Vendors' own signatures are
// base64 and so never look marked.
func SignedBy(signature string) (signer, own string) {
	name, rest, ok := strings.Cut(signature, markEnd)
	if !ok || name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return "", signature
	}
	return name, rest
}

// signer marks and unmarks the signatures of one vendor; the empty one signs nothing.
type signer string

func signerOf(w Wire) signer {
	if s, ok := w.(Signer); ok {
		return signer(s.SignsAs())
	}
	return ""
}

// take unmarks the vendor's own signatures in a client's history and removes all
// others. speaker is who signs what is not marked.
func (s signer) take(messages []Message, speaker string) {
	own := func(signature string) string {
		by, rest := SignedBy(signature)
		if by == "" {
			by = speaker
		}
		if by != string(s) {
			return ""
		}
		return rest
	}
	for i := range messages {
		m := &messages[i]
		for j := range m.Parts {
			m.Parts[j].Signature = own(m.Parts[j].Signature)
			if m.Parts[j].Kind == ThinkingPart {
				m.Parts[j].Data = own(m.Parts[j].Data)
			}
		}
		m.Parts = slices.DeleteFunc(m.Parts, func(p Part) bool {
			return p.Kind == ThinkingPart && p.Text == "" && p.Data == "" && p.Signature == ""
		})
		for j := range m.Calls {
			m.Calls[j].Signature = own(m.Calls[j].Signature)
		}
	}
}

func (s signer) mark(signature string) string {
	if s == "" || signature == "" {
		return signature
	}
	return string(s) + markEnd + signature
}

// markReply marks the signatures of a whole answer.
func (s signer) markReply(r *Reply) {
	for i := range r.Choices {
		a := &r.Choices[i]
		for j := range a.Thinking {
			a.Thinking[j].Signature = s.mark(a.Thinking[j].Signature)
			a.Thinking[j].Data = s.mark(a.Thinking[j].Data)
		}
		for j := range a.Calls {
			a.Calls[j].Signature = s.mark(a.Calls[j].Signature)
		}
	}
}

// markDelta marks the signatures of a piece.
func (s signer) markDelta(d *Delta) {
	d.Signature, d.Redacted = s.mark(d.Signature), s.mark(d.Redacted)
	if d.Call != nil && d.Call.Signature != "" {
		call := *d.Call // the source's own
		call.Signature = s.mark(call.Signature)
		d.Call = &call
	}
}
