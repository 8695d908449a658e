package provider

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RateLimits is what a vendor said beside an answer of what its rate limits leave
// the credential that asked. What it did not say is the zero [Room].
type RateLimits struct {
	Requests Room
	Tokens   Room // of the prompt and the answer together
	Input    Room // tokens of the prompt
	Output   Room // tokens of the answer
}

// Room is what one limit leaves.
type Room struct {
	Remaining int64
	ResetAt   time.Time // by our clock; zero: nothing is known
}

// maxReset bounds how long a vendor's word on a limit is believed.
const maxReset = 24 * time.Hour

// ReadRateLimits reads the headers that vendors describe their limits with:
// OpenAI's, which most others speak too, and Anthropic's. Their names do not
// overlap. A limit without a time of reset is passed over, because nobody could
// say when its word is out of date. now is when the answer came.
func ReadRateLimits(h http.Header, now time.Time) RateLimits {
	l := RateLimits{Requests: openaiRoom(h, "Requests", now), Tokens: openaiRoom(h, "Tokens", now)}
	if l != (RateLimits{}) {
		return l
	}
	return RateLimits{
		Requests: anthropicRoom(h, "Requests", now), Tokens: anthropicRoom(h, "Tokens", now),
		Input: anthropicRoom(h, "Input-Tokens", now), Output: anthropicRoom(h, "Output-Tokens", now),
	}
}

// openaiRoom reads a limit whose reset is how long it is from now.
func openaiRoom(h http.Header, of string, now time.Time) Room {
	left, ok := remaining(h.Get("X-Ratelimit-Remaining-" + of))
	if !ok {
		return Room{}
	}
	reset := h.Get("X-Ratelimit-Reset-" + of)
	wait, err := time.ParseDuration(reset)
	if err != nil { // some vendors give plain seconds
		wait, err = time.ParseDuration(reset + "s")
	}
	if err != nil {
		return Room{}
	}
	return roomFor(left, wait, now)
}

// anthropicRoom reads a limit whose reset is a moment by the vendor's clock.
func anthropicRoom(h http.Header, of string, now time.Time) Room {
	left, ok := remaining(h.Get("Anthropic-Ratelimit-" + of + "-Remaining"))
	if !ok {
		return Room{}
	}
	reset, err := time.Parse(time.RFC3339, h.Get("Anthropic-Ratelimit-"+of+"-Reset"))
	if err != nil {
		return Room{}
	}
	theirs, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		theirs = now
	}
	return roomFor(left, reset.Sub(theirs), now)
}

func remaining(s string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	return max(n, 0), err == nil
}

func roomFor(left int64, wait time.Duration, now time.Time) Room {
	return Room{Remaining: left, ResetAt: now.Add(min(max(wait, 0), maxReset))}
}

// UntilReset is how long until every limit that is used up is filled again.
func (l RateLimits) UntilReset(now time.Time) time.Duration {
	var wait time.Duration
	for _, r := range [...]Room{l.Requests, l.Tokens, l.Input, l.Output} {
		if r.Remaining == 0 && r.ResetAt.After(now) {
			wait = max(wait, r.ResetAt.Sub(now))
		}
	}
	return wait
}
