// Package anthropic speaks the Messages API to vendors, for clients of another
// dialect. What the two sides express differently becomes:
//
//   - system and developer messages, wherever they stand: the top-level system. A
//     chat of nothing else is sent as the user's turn.
//   - consecutive turns of one role: one turn. Results of calls come first in
//     theirs; call ids outside Anthropic's alphabet are renamed, always alike.
//   - no cap on the answer: max_tokens of 32,000, which every current model takes.
//   - temperature above 1: 1. With both temperature and top_p, top_p goes. Models
//     from Claude 4.7 on take neither, so both go.
//   - reasoning_effort: output_config.effort with adaptive thinking from Claude 4.6
//     on, a budget of thinking tokens before. Thinking goes without temperature,
//     and is left out where a call is forced, or where a budget model is in the
//     middle of calls whose thinking the client cannot have kept.
//   - stop sequences of white space only, which Anthropic refuses: left out.
//   - response_format json_object: left out; OpenAI demands that the prompt asks
//     for JSON anyway. json_schema: output_config.format.
//   - seed, penalties, logit_bias, logprobs: left out. n above 1, audio and calls
//     that are not functions: refused.
package anthropic
