// Package fakellm is a vendor that can misbehave on command: one http.Handler that speaks the
// wire formats of OpenAI, Anthropic, Gemini, Cohere and three clouds, answers deterministically and keeps a ledger of
// what it really served, so that a gateway's books can be compared with it to the token.
//
// # Endpoints
//
//	POST /v1/chat/completions                    OpenAI; also under /openai
//	POST /v1/messages                            Anthropic; also under /anthropic
//	POST /v1beta/models/{model}:generateContent  Gemini; also /v1, also under /gemini
//	POST /v1beta/models/{model}:streamGenerateContent[?alt=sse]
//	POST /v2/chat, /v2/embed, /v2/rerank         Cohere; also under /cohere
//	POST /v1/rerank                              of servers compatible with OpenAI, in Jina's shape
//	POST /v1/messages/count_tokens, /v1beta/models/{model}:countTokens
//	POST /v1/embeddings, /v1beta/models/{model}:embedContent, :batchEmbedContents
//	POST /v1/completions                         OpenAI's legacy one
//	POST /v1/responses, /v1/responses/input_tokens
//	GET|DELETE /v1/responses/{id}, GET .../input_items, POST .../cancel
//	POST /azure/openai/v1/chat/completions, /azure/openai/deployments/{d}/chat/completions?api-version=...
//	POST .../completions, .../embeddings, .../images/{generations,edits}, .../audio/{speech,transcriptions,translations}
//	POST /vertex/v1/projects/{p}/locations/{l}/publishers/google/models/{model}:generateContent
//	POST .../publishers/anthropic/models/{model}:rawPredict, :streamRawPredict
//	POST .../endpoints/openapi/chat/completions  models of others
//	POST /vertex/token                           access tokens for a service account
//	POST /bedrock/model/{id}/converse, /converse-stream, /count-tokens
//	POST /v1/moderations, /v1/images/{generations,edits,variations}, /v1/audio/{speech,transcriptions,translations}
//	GET  /v1/models, /v1/models/{model}          by prefix, else by the style of the key header
//	GET|DELETE     /_fake/ledger[?since=SEQ&limit=N&wait=D]   wait: until nothing is in flight, at most D
//	GET|PUT|DELETE /_fake/behavior
//	GET  /_fake/service-account                  the key file of Vertex's service account
//	GET  /_fake/health
//
// Any non-empty key in the vendor's own header is accepted, unless it starts with "bad". Tokens that begin with "ya29." must
// be of the token endpoint, which checks who signed for them. A signature of AWS must be right; the secret of an access key
// is [AWSSecret] of its id.
//
// # Replies
//
// A token is four bytes of text, so a text of n bytes has ceil(n/4) tokens. The prompt is all
// text of the system prompt, the messages, earlier tool calls (arguments) and tool results,
// plus ImageTokens for every image. The reply is Echo(last user text); with tool results behind
// the last assistant turn it quotes them instead (see QuoteResults). When a JSON schema is asked
// for, the reply is the smallest value that fits it. When tools are offered and a call is
// required, or the last user text contains "use tool", the reply is a call of the first (or the
// required) tool with the smallest arguments that fit its schema; "use tools" makes two calls,
// unless parallel calls are switched off. The output cap of the request cuts the reply after
// that many tokens and ends it with the vendor's finish reason for length; a tool call that does
// not fit is left out whole. A stream has at most 64 content chunks unless told otherwise.
//
// Thoughts that are shown are signed, but for Cohere's, and so are Gemini's calls. A signature
// that comes back changed is refused, and so is a turn of Anthropic's whose calls were thought
// about and that comes back without the thinking. An embedding is [Vector] of its text, a
// ranking goes by [Score]; Cohere's answers about documents cite their first word. A legacy
// completion is the reply to a user who says the prompt, of 16 tokens unless more are asked for.
//
// Answers of the Responses API are kept for the key that asked, unless store is false. Encrypted
// thoughts that come back changed are refused, and so is a call that was thought about and comes back
// by its id without the thought in front of it.
//
// Models whose names begin with "tts", "whisper" and "dall-e" bill characters, the length of a
// recording (taken for 16 bit at 16 kHz) and images; others bill such work in tokens. Speech is
// [Sound]; a transcript says how many bytes were heard.
//
// The models "bench" and "bench-stream" answer any request with the same bytes, rendered once:
// about 1.3 kB unary, 64 content chunks when streamed, BenchUsage tokens.
//
// # Ledger
//
// Every request but those for models and for counts is booked when it ends, with what a vendor would bill: an error answer, and
// a client that left during latency, nothing; a whole body its full usage, even if it was cut or
// nobody read it (only a stalled one just the prompt); a stream the prompt and the tokens of the
// chunks generated until it was cut or the client was found gone. Reasoning that is not shown is
// billed with the first content chunk. A client may hold its answer a moment before the record is
// made: wait with Settle or the parameter wait.
//
// # Directives
//
// Misbehaviour is asked for in one small language:
//
//	directive = term *( sep term )          sep    = "+" / "," / " "
//	term      = name [ "=" value ] *( ":" option "=" value )
//	option    = "p" / "after" / "date"
//
// It is read from behaviour rules (PUT /_fake/behavior), the model name behind its first "+"
// ("gpt-fake+429:after=2"), the query parameter "fake" and the header "x-fake-llm", in that
// order; a later term replaces an earlier one of the same name. Chunks are content chunks, those
// that carry generated tokens. Durations are Go durations.
//
//	latency=D     wait before the response header
//	first=D       send the header, then wait before the first byte of the body
//	delay=D       wait before every content chunk (or piece, with split)
//	stall[=N]     stop for ever after N chunks (default 1); unary: never answer
//	cut[=N]       tear the connection after N chunks (default 1); unary: in mid-body
//	error[=N]     send an error event after N chunks (default 1) and end; unary: as 500
//	malformed[=N] replace the chunk after N chunks (default 1) by broken JSON; unary: the body
//	noend         end the stream without finish reason, usage and terminator
//	reset         reset the connection before the response header
//	400 ... 599   refuse with this status in the vendor's error shape; option after=S sets
//	              Retry-After to S seconds, date=S to the HTTP date S seconds from now (Gemini:
//	              RetryInfo in the body instead)
//	context       refuse with the vendor's context length error
//	html          HTML body (with status 502 unless another is asked for)
//	empty         empty body (with status 200 unless another is asked for)
//	filter        finish as cut off by a content filter
//	refusal       answer with a refusal; Gemini: a blocked prompt without candidates
//	usage=none    leave the usage out; usage=twice sends the last usage twice in a stream
//	in=N out=N    prompt tokens; tokens of the reply text
//	huge=N        a reply text of N KiB
//	cached=N write=N write1h=N reasoning=N
//	              tokens read from the cache, written to it for 5 minutes and for an hour (all
//	              part of the prompt, clamped to it), and spent on reasoning
//	audioin=N imagein=N
//	              tokens of the prompt that are of sound and of images, clamped to what the cache
//	              did not serve or take (Anthropic does not tell)
//	searches=N    searches of the web that the model made (Anthropic only tells)
//	chunk=N       tokens per content chunk
//	split=N       write N bytes at a time, wherever that cuts
//	rpm=N tpm=N   take N requests, or N prompt tokens, a minute of one key and model, and refuse
//	              more with 429; the headers say what is left as the vendor's do (Gemini: none)
//
// Every term takes the option p=F: it holds with probability F, drawn from a sequence fixed by
// the seed, so the k-th draw of a process is always the same.
package fakellm
