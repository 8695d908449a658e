// Package admit keeps the limits of tenants, users, virtual keys, logical models
// and vendor credentials: it decides from memory whether a request may begin.
//
// What a scope has used is two sums: its counter, which the projector folds from
// the log and which is followed by a watch, and what this node has done that the
// counter does not hold yet. The second has the reservations of running requests
// and the facts this node published whose place in the log the counter has not
// reached. A fact moves from the one to the other when the counter's position
// passes it, so it counts once: not twice and not never.
//
// # Invariants
//
// The tests that hold each are named in brackets.
//
//  1. Counter and own usage together are what an observer of everything would
//     count, whatever the lag, order of acknowledgements and fold. [TestCountsOnce]
//  2. On one node hard limits hold under any concurrency: what is admitted never
//     exceeds them by estimate. [TestConcurrentAdmissionHolds]
//  3. A refused request leaves nothing behind. [TestRefusalLeavesNothing]
//  4. Memory follows scopes and lag, not requests: what is folded is forgotten,
//     and a long lag is kept by the minute. [TestMemoryIsBounded]
//  5. While the counters are not loaded, hard limits refuse. [TestFailsClosedUntilLoaded]
//
// # Several nodes
//
// Each node knows the others' usage only as the counters tell it, so several
// nodes may exceed a hard limit by what the lag hides. Leases close that: a hard
// limit is then decided by what this node's lease has left. Their place is
// account.left, the one function that says how much room a limit has; all else
// here, reserving, settling and giving back, stays as it is.
package admit
