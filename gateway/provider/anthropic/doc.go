// Package anthropic speaks the Messages API, on both sides.
//
// To applications: [ParseMessages] and [ParseCount] read a request just far
// enough, [ErrorBody] and [CountBody] write what is no message, and [Client] turns
// requests into the canonical form and other vendors' answers into messages and
// events.
//
// To vendors: [New] is the fast lane. The client's bytes become the vendor's with
// another model and without the thinking that another vendor has signed and citations
// of another's; the vendor's bytes become the client's as they are, with the bill in a comment before
// message_stop. Clients of other dialects go over [Wire]. What the two sides
// express differently becomes:
//
//   - system and developer messages, wherever they stand: the top-level system. A
//     chat of nothing else is sent as the user's turn.
//   - consecutive turns of one role: one turn. Results of calls come first in
//     theirs; call ids outside Anthropic's alphabet are renamed, always alike.
//   - thinking of the past: sent where it is signed and the model is to think now.
//   - no cap on the answer: max_tokens of 32,000, which every current model takes.
//   - temperature above 1: 1. With both temperature and top_p, top_p goes. Models
//     from Claude 4.7 on take neither, nor top_k, so all go.
//   - effort, or a budget of thinking: output_config.effort with adaptive thinking
//     from Claude 4.6 on, a budget of thinking tokens before. Thinking goes without
//     temperature, and is left out where a call is forced, or where a budget model
//     is in the middle of calls whose thinking is not known.
//   - stop sequences of white space only, which Anthropic refuses: left out.
//   - any JSON as the format: left out; the prompt asks for it anyway. JSON after a
//     schema: output_config.format.
//   - seed, penalties, logprobs, metadata but user_id: left out. More than one
//     choice, audio and calls that are not functions: refused.
//
// Other vendors' citations become those of pages on the net, marked as ours where
// Anthropic has a secret of its own; so marked they never go to Anthropic.
//
// What is left out is noted as dropped, but for thinking.
package anthropic
