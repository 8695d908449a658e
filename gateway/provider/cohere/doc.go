// Package cohere speaks Cohere's API, version 2, to vendors: chats ([Wire]),
// embeddings and rankings.
//
// Between Cohere and other dialects becomes what the two sides express differently:
//
//   - what a model says before it calls: Cohere's tool_plan, in both directions.
//   - results of calls: documents, so that they can be cited, where they are JSON
//     objects; else text. Files of plain text: documents of the request.
//   - a tool that must be called: the only one, and required.
//   - reasoning_effort and budgets: thinking, with a budget of tokens.
//   - top_p and top_k: p and k, put into what Cohere takes.
//   - a strict function: strict_tools, if all are; a schema: json_object with it.
//   - safety_mode, citation_options, documents and priority, which clients of
//     OpenAI's dialect may say: told as they are.
//   - several choices and files that are no text: refused. Metadata, user, service
//     tiers, names of speakers, top_logprobs, parallel_tool_calls, hints for caches
//     and details of pictures: dropped.
//
// # Usage
//
// Cohere tells two counts: billed_units, which it bills, and tokens, which also
// count what it puts around a prompt. The usage is what is billed; where that is not
// told, it is the tokens. Cached tokens are part of the prompt's; what was thought is
// part of the answer's, and not told apart. Rankings are billed in search units, each
// a query with up to 100 documents.
package cohere
