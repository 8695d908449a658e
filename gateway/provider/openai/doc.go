// Package openai speaks OpenAI's dialect, on both sides.
//
// To clients: [ParseChat] reads a chat request just far enough, [ErrorBody] and
// [Models] write what is not a chat answer, and [Client] turns canonical answers
// of other vendors into chat completions and chunks.
//
// To vendors: [Vendor] is the fast lane to OpenAI and everything compatible with
// it. The client's bytes become the vendor's with two splices, the model and
// stream_options.include_usage; the vendor's bytes become the client's as they
// are, but for the usage that only we asked for. Nothing is decoded and encoded
// again, so fields unknown here survive both ways.
package openai
