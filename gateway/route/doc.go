// Package route chooses where a request goes.
//
// [Decide] is a pure function: the same [Inputs] give the same [Plan] for ever,
// in this process or another. What it was given and what it chose are the
// request's decision record ([events.Decision]); [Again] turns a record back
// into inputs, so that "why this target?" can be answered by running it again.
//
// There are two states. [Cooldowns] knows which vendor credentials are to be left
// alone, by what vendors have answered this node and operators have said to all of
// them, and until when; Decide sees it as an immutable [State]. [Headroom] knows
// what the vendors say is left of their rate limits; Decide sees which candidates
// are [Short] of what the request needs. A short candidate is used last, and so
// before a 429 happens rather than after; with nothing else left it is used all
// the same, because the vendor has the last word.
package route
