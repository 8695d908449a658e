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
	l := RateLimits{
		Requests: openaiRoom(h, "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests", now),
		Tokens:   openaiRoom(h, "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens", now),
	}
	if l != (RateLimits{}) {
		return l
	}
	const prefix, left, reset = "Anthropic-Ratelimit-", "-Remaining", "-Reset"
	return RateLimits{
		Requests: anthropicRoom(h, prefix+"Requests"+left, prefix+"Requests"+reset, now),
		Tokens:   anthropicRoom(h, prefix+"Tokens"+left, prefix+"Tokens"+reset, now),
		Input:    anthropicRoom(h, prefix+"Input-Tokens"+left, prefix+"Input-Tokens"+reset, now),
		Output:   anthropicRoom(h, prefix+"Output-Tokens"+left, prefix+"Output-Tokens"+reset, now),
	}
}

// openaiRoom reads a limit whose reset is how long it is from now.
func openaiRoom(h http.Header, left, reset string, now time.Time) Room {
	n, ok := remaining(h.Get(left))
	if !ok {
		return Room{}
	}
	wait, err := time.ParseDuration(h.Get(reset))
	if err != nil { // some vendors give plain seconds
		wait, err = time.ParseDuration(h.Get(reset) + "s")
	}
	if err != nil {
		return Room{}
	}
	return roomFor(n, wait, now)
}

// anthropicRoom reads a limit whose reset is a moment by the vendor's clock.
func anthropicRoom(h http.Header, left, reset string, now time.Time) Room {
	n, ok := remaining(h.Get(left))
	if !ok {
		return Room{}
	}
	at, err := time.Parse(time.RFC3339, h.Get(reset))
	if err != nil {
		return Room{}
	}
	theirs, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		theirs = now
	}
	return roomFor(n, at.Sub(theirs), now)
}

func remaining(s string) (int64, bool) {
	if s == "" { // most answers say nothing
		return 0, false
	}
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
