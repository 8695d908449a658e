// Package responses speaks the Responses API, OpenAI's second dialect, on both
// sides.
//
// To applications: [ParseResponse] and [ParseCount] read a request just far enough,
// and [Client] turns requests into the canonical form and other vendors' answers
// into responses and events. Errors are those of package openai.
//
// To vendors: [New] is the fast lane. The client's bytes become the vendor's with
// another model and without the thoughts that another vendor has signed; the
// vendor's bytes become the client's as they are, with the bill in a comment before
// the last event. [Native] is what such a vendor can do beside answering. [Wire] is
// for chats of other dialects with models that speak nothing else ([Only]): nothing is
// stored, what the vendor encrypts of its thoughts goes the way of signatures, a cap
// is at least 16 tokens, and what changes the sampling is dropped.
//
// Over vendors of another wire format:
//
//   - instructions: a system message in front. Items of the assistant in a row, which
//     are its thoughts, texts and calls: one message.
//   - reasoning of another vendor goes to the client as a reasoning item: as its
//     summary if the client asks for one, else as its text. What is signed is in
//     encrypted_content, whole, and goes back only to whom it is from. A signature of
//     a call is in an item of its own before the call.
//   - custom tools, which take a text: functions of one argument. Their grammar is
//     described in words.
//   - allowed_tools: only those tools are told to the vendor.
//   - tools that OpenAI runs itself, and their items; verbosity, cache keys,
//     truncation, max_tool_calls, details of images: dropped, and noted as such.
//   - uploaded files, prompts that OpenAI keeps, items of unknown types: refused.
//
// Answers in the background and conversations, which would outlive the request at
// the vendor, are refused everywhere.
package responses
