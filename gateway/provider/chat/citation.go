package chat

// Citation says where a stretch of an answer's text comes from.
type Citation struct {
	// Start and End are where the stretch lies in the text of the choice, in
	// characters; End is behind its last one. Both 0: the vendor does not say.
	Start, End int
	Text       string // the stretch itself; may be empty
	References []Reference
}

// Reference is what a text is taken from. What is not known is empty.
type Reference struct {
	URL   string
	Title string
	ID    string // of a document, or of what a tool gave
	Quote string // what of it is cited
}
