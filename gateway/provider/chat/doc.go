// Package chat is the canonical form of a chat: the request, the whole answer and
// the pieces of a streamed one, in words that belong to no vendor. It is used only
// across dialects, so that n client dialects and m vendors need n + m translations
// and not n times m.
//
// A [Client] is a dialect that applications speak, a [Wire] one that vendors
// speak; [NewVendor] puts a wire behind all client dialects and holds the one
// state machine that all translated streams go through. What a wire could not be
// told stands in the request's Dropped, and refuses it if the client is strict.
package chat
