// Package bedrock speaks the Converse API of Amazon Bedrock, which serves the
// models of many publishers in one wire format: [Wire] puts it behind all client
// dialects, and [New] counts tokens besides.
//
// Between Converse and the dialects becomes what the two sides express differently:
//
//   - system and developer messages: system blocks, and a chat of nothing else the
//     user's turn. Turns of one role become one; results of calls stand first in
//     the turn that follows the calls.
//   - ids of calls: letters, digits, "_" and "-", at most 64. Others are replaced,
//     the same by the same.
//   - a history with calls and no tools: the tools are declared by their names,
//     since Converse demands that some are. tool_choice "none" leaves the tools
//     out, or, with calls in the history, is dropped.
//   - media: data only, and addresses in S3. A document's name is made neutral, and
//     is not that of another.
//   - cache_control: a cache point behind the part, for Claude and Nova, and dropped
//     for others.
//   - thinking: of Claude, with signatures, through additionalModelRequestFields and
//     outputConfig.effort; the effort of OpenAI's models and Nova 2; dropped for others. What
//     was signed elsewhere is not sent: how Bedrock writes redacted thinking is its
//     own.
//   - a schema for the answer: outputConfig.textFormat; "any JSON" is dropped.
//   - n beyond 1 is refused; seed, penalties, logprobs, user and
//     parallel_tool_calls are dropped.
//   - a guardrail that intervened and filtered content: content_filter. A call or an
//     answer that the model garbled: a failure, never a stop.
//
// inputTokens has no cached tokens in it. Reasoning is part of outputTokens and not
// told apart.
//
// A stream comes in frames of binary headers with checksums, application/vnd.amazon.eventstream.
// It is whole when messageStop was seen and the connection ended; usage follows
// messageStop. An exception is a frame of its own and ends the stream.
//
// Who asks proves it by signing the request with an AWS access key (Signature
// Version 4), or by an API key of Bedrock as a bearer.
package bedrock
