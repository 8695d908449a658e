// Package gemini speaks Google's generateContent API to vendors, for clients of
// another dialect. What the two sides express differently becomes:
//
//   - system and developer messages: systemInstruction. A chat of nothing else is
//     sent as the user's turn.
//   - calls and results: by name, since Gemini's calls mostly have no id; the name
//     of a result is that of its call, and the results of a turn stand in the
//     order of its calls. A result that is no JSON object becomes {"result": ...}.
//   - thought signatures, which the client's dialect cannot keep: from Gemini 3 on
//     the first call of a turn carries the value that skips their check.
//   - answered calls: ids are made, and STOP becomes tool_calls.
//   - reasoning_effort: thinkingLevel from Gemini 3 on, thinkingBudget before. What
//     cannot be switched off thinks as little as it can.
//   - a blocked prompt: a content policy failure. A call that the model garbled: a
//     failure, never a stop.
//   - logit_bias, logprobs, parallel_tool_calls: left out. Calls that are not
//     functions: refused.
package gemini
