// Package gemini speaks Google's generateContent API: to vendors ([Wire]), to
// applications ([Client]), and passes it through where both sides speak it ([New]).
//
// Between Gemini and other dialects becomes what the two sides express differently:
//
//   - system and developer messages: systemInstruction. A chat of nothing else is
//     sent as the user's turn.
//   - calls and results: by name, since Gemini's calls mostly have no id; the name
//     of a result is that of its call, and the results of a turn stand in the
//     order of its calls. A result that is no JSON object becomes {"result": ...},
//     that of a call that failed {"error": ...}. Pictures in it stand within from
//     Gemini 3 on, beside it before.
//   - thought signatures: kept, if the client's dialect can. From Gemini 3 on the
//     first call of a turn has one; that of a history without is the value that
//     skips their check. To applications go the signatures of all vendors, and the
//     thinking that they belong to, as a thoughtSignature on the next part.
//   - answered calls: ids are made, and STOP becomes tool_calls.
//   - reasoning_effort and budgets: thinkingLevel from Gemini 3 on, thinkingBudget
//     before. What cannot be switched off thinks as little as it can.
//   - a blocked prompt: a content policy failure. A call that the model garbled: a
//     failure, never a stop.
//   - Google's subset of OpenAPI's schema: JSON Schema.
//   - parallel_tool_calls, metadata, user, strict functions and hints for caches:
//     dropped, as are Google's own tools and safety settings for other vendors.
//     Calls that are not functions and files in Google's stores: refused.
//
// Embeddings, too, are spoken to both sides. Other dialects' go to a vendor as a
// batch of at most a hundred texts; tokens are refused. To other vendors go the texts
// with one taskType, title and outputDimensionality for all; anything but text is
// refused. Gemini tells no usage of them.
//
// Streams go to applications as events or as one JSON array; a vendor is always
// asked for events. The bill is a member of the last chunk, x_llmhub: Google's own
// libraries do not all pass over comments.
package gemini
