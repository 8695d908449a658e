// Package openai speaks OpenAI's dialect, on both sides.
//
// To clients: [ParseChat], [ParseEmbeddings] and [ParseCompletion] read requests
// just far enough, [ErrorBody] and [Models] write what is not an answer, and
// [Client] turns chats and embeddings into canonical requests for other vendors and
// their answers into chat completions, chunks and lists of vectors. Thoughts and
// signatures, which the dialect has no word for, go in those that others made for it:
// reasoning_content and reasoning_details in a message, extra_content in a call.
//
// To vendors: [Vendor] is the fast lane to OpenAI and everything compatible with
// it. The client's bytes become the vendor's with few splices: the model, the name
// of the cap, stream_options.include_usage, and signatures that we handed out for
// other vendors; the vendor's bytes become the client's as they are, but for the
// usage that only we asked for. Nothing is decoded and encoded again, so fields
// unknown here survive both ways. [Wire] serves chats and embeddings of all other dialects. How a
// compatible vendor differs from OpenAI say its [Traits].
package openai
