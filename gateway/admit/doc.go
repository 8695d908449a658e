// Package admit keeps the limits of tenants, users, virtual keys, logical models
// and vendor credentials: it decides whether a request may begin, from memory in
// all but a few cases.
//
// Soft and shadow limits are decided by two sums: the scope's counter, which the
// projector folds from the log and which is followed by a watch, and what this node
// has done that the counter does not hold yet. The second has the reservations of
// running requests and the facts this node published whose place in the log the
// counter has not reached. A fact moves from the one to the other when the counter's
// position passes it, so it counts once: not twice and not never.
//
// # Several nodes
//
// A hard limit is decided by leases, never by the counters, which lag. Every scope
// has a record in the bucket of leases with a pool for each hard limit and window,
// see [accounting.Leases]; it alone decides. A node takes a part of the pool by
// compare-and-set, an exchange, and admits from it in memory: what it holds less what
// it has spent and reserved. One node alone does the same.
//
//   - An exchange is about all pools of a scope at once, and a scope has one at a
//     time. It serves everybody who waits: their wants are added up. Who waits holds
//     nothing meanwhile and asks all limits again afterwards, so several scopes are
//     taken together or not at all, and no two requests wait for each other.
//   - What is held beyond the wants is 2 s of spending at most, and shrinks as the
//     limit comes near. A sweep, every half second, tops up what runs low, renews
//     what is in use, returns what is too much, and everything that is idle.
//   - A request gives back what it did not use when its last fact is durable, in the log
//     or the outbox. Until then its process may die, and the log charge all of it.
//   - What is given back is no longer used from the moment the exchange is planned;
//     what is got is used when the store has agreed. So if nobody knows whether a
//     commit took place, less is used than the store believes, never more.
//   - A lease lasts 30 s (TTL) and is used until a sixth of that is left, by the
//     monotonic clock and by the wall's, whichever is later.
//   - A refusal is founded on a record read within 200 ms. While the store is away
//     there is none: requests that need more than is held get 503 and may come again.
//   - The record of a window is left alone when two later windows have begun; what
//     is asked of it then is decided as for a soft limit.
//   - Whoever meets a holder whose epoch is over settles it: what the counters say
//     it spent stays spent, the rest is free. A node that finds itself buried so
//     admits nothing any more, see [Admitter.Lost].
//
// How far limits can be exceeded is stated in package accounting.
//
// # Invariants
//
// The tests that hold each are named in brackets.
//
//  1. Counter and own usage together are what an observer of everything would
//     count, whatever the lag, order of acknowledgements and fold. [TestCountsOnce]
//  2. Hard limits hold under any concurrency, on one node and on many with wrong
//     clocks and a store that is slow and breaks: what is reserved and spent exceeds
//     them only by what was spent beyond estimates. [TestConcurrentAdmissionHolds,
//     TestNodesShareALimit, TestLeasesHoldInTrouble, TestConcurrencyIsShared]
//  3. A refused request leaves nothing behind. [TestRefusalLeavesNothing]
//  4. When all is settled nobody holds more than was spent, a sweep later, after
//     Close, and after deaths. [TestIdleHeadroomComesBack, TestCloseReturnsEverything,
//     TestDeadNodeReturnsTheUnspent, TestLeasesHoldInTrouble]
//  5. The truth comes first: what was spent is in the record even above the limit,
//     also what was spent past it. [TestTruthFirst, TestLimitChanges,
//     TestLimitCreatedInMidWindow, TestStoreBeginsAnew]
//  6. A node uses no more than the store surely gave it, for no longer than its
//     lease. [TestUnknownCommit, TestLeaseLapses, TestLost, TestBuriedAlive,
//     TestOldNewsOfAnEnd]
//  7. Without counters or leases hard limits fail closed, soft ones go on, and all go
//     on by themselves. [TestFailsClosedUntilLoaded, TestFailsClosedWithoutLeases,
//     TestGarbageFailsClosed, TestCallerGivesUp,
//     TestRefusesByAFreshRecord]
//  8. Usage belongs to the window of its admission, however late it comes.
//     [TestEndsAfterItsWindow, TestWindowThatOthersLeftBehind]
//  9. Memory follows scopes and lag, not requests: what is folded is forgotten,
//     and a long lag is kept by the minute. [TestMemoryIsBounded,
//     TestLongOutageIsCheap]
//  10. What the log may charge for a request stays reserved until it can charge no
//     more than was spent. [TestGivesBackWhatIsDurable]
package admit
