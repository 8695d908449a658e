// Package estimate says how many tokens a text is, before a vendor does.
//
// Estimates are reserved from limits before a call, and booked where a vendor
// gave no count of its own; a vendor's count always replaces them.
//
// Texts for a model whose tokenizer is known are counted by it, or by OpenAI's
// o200k and a factor where the maker publishes none; see families.go for which
// and for how far that is off. Texts for other models count a token for every
// four bytes.
//
// Counting costs about 0.1 ms a kilobyte. So of a long text only an excerpt is
// counted, at most [MaxExcerpt] bytes from all over it, and the rest is taken to be
// alike; and callers do not count at all where nothing depends on it. Nothing is
// fetched: the vocabulary is part of the program.
package estimate
