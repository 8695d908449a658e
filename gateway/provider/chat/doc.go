// Package chat is the canonical form of a chat: the request, the whole answer and
// the pieces of a streamed one, in words that belong to no vendor. It is used only
// across dialects, so that n client dialects and m vendors need n + m translations
// and not n times m.
//
// A [Client] is a dialect that applications speak, a [Wire] one that vendors
// speak; [NewVendor] puts a wire behind all client dialects and holds the one
// state machine that all translated streams go through. What a wire could not be
// told stands in the request's Dropped, and refuses it if the client is strict.
//
// # Citations
//
// What an answer says of its sources goes along, as far as both sides have words for
// it. What is lost, without a word, because an answer cannot be refused for it:
//
//   - to OpenAI's clients: sources without an address, and what is cited of a source;
//     in streams of responses, those of a text that is over already.
//   - to Anthropic's: ids of documents beside an address, and in streams where within
//     a block the cited stretch begins; it is the block that is cited. Places in
//     documents and pages are no vendor's but Anthropic's own.
//   - to Gemini's: what is cited of a page on the net, and places in a text whose
//     characters change their width more than some thousand times.
//   - from Cohere: citations of plans and thoughts, and what a document says.
//   - in histories: all of it; only Anthropic and Cohere know citations there, and
//     theirs are for one vendor only.
package chat
