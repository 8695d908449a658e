package fakellm

// count tells how large a prompt is. It is not booked: vendors do not bill it.
func (x *exchange) count() {
	x.call.counting = true
	_, f := x.decode()
	if f == nil {
		f = x.direct()
	}
	if f == nil {
		f = x.plan.refusalOf(&x.call)
	}
	if f != nil {
		x.fail(f)
		return
	}
	x.wire.headers(&x.call, x.w.Header())
	x.document(x.wire.count(x.plan.in.or(x.call.promptTokens())))
}

func anthropicCount(tokens int64) []byte {
	return compactJSON(struct {
		Input int64 `json:"input_tokens"`
	}{tokens})
}

func geminiCount(tokens int64) []byte {
	return indentedJSON(struct {
		Total   int64           `json:"totalTokens"`
		Details []geminiDetails `json:"promptTokensDetails"`
	}{tokens, []geminiDetails{{Modality: "TEXT", Tokens: tokens}}})
}
