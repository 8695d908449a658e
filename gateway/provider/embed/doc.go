// Package embed is the canonical form of a request for embeddings and of its answer,
// in words that belong to no vendor. As package chat does for chats, it stands
// between dialects, so that n client dialects and m vendors need n + m translations.
//
// A [Client] is a dialect that applications speak, a [Wire] one that vendors speak;
// [New] puts a wire behind client dialects. What a wire could not be told stands in
// the request's Drops, and refuses it if the client is strict.
//
// Vectors stay in the text they came in, numbers or base64, and are rewritten only
// where the two sides differ; see [Vector] for what that changes. A list of any
// length takes linear time, and no more memory than its answer does in both forms.
package embed
