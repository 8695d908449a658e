// Package route chooses where a request goes.
//
// [Decide] is a pure function: the same [Inputs] give the same [Plan] for ever,
// in this process or another. What it was given and what it chose are the
// request's decision record ([events.Decision]); [Again] turns a record back
// into inputs, so that "why this target?" can be answered by running it again.
//
// [Cooldowns] is the only state: which vendor credentials are to be left alone,
// and until when. Decide sees it as an immutable [State].
package route
