// Package accounting holds the rules of the books: what an event adds to whose
// account, in which window, at what price, and whether a limit allows it.
//
// The rules are pure: no I/O, no clock, no float. Time comes in as an argument,
// data as values, and equal input gives equal output on every machine, so that
// whoever folds the same log gets the same books to the nano-dollar. The package
// imports the standard library and [github.com/llm-hub/llm-hub/events] only.
//
// A [Fold] reads messages of the log in order and says what each does to the
// books: an [Entry] is a line of the ledger, which [Counter]s add up and tables
// keep; an [End] closes a request. A [Book] prices usage; a [Limit] compares
// totals with what is allowed.
//
// # Invariants
//
// The tests that hold each are named in brackets.
//
//  1. A message counts once: at or below the last counter of its epoch and
//     partition it is a duplicate, the next one applies, any other is a
//     [GapError] and changes nothing. Of an epoch so old that it may be forgotten
//     it is dead instead. [TestFoldProducers, TestFoldForgottenEpochSpeaks]
//  2. A fold restarted from what [Fold.Resume] gave and fed the log from there
//     is the fold that never stopped, whatever was duplicated, orphaned or in
//     flight at that moment. [TestRestartGivesTheSameFold]
//  3. An event that cannot be decoded or applied becomes [Dead] and changes
//     nothing else; unknown kinds are skipped. What is decoded quickly is what
//     package events would have decoded. [TestFoldDead, FuzzFold, FuzzDecode]
//  4. A request has one end. Later ones are noted in [Applied.Late] and add
//     nothing. [TestFoldEnds]
//  5. What is booked for an orphan is the vendor's count as soon as that is
//     known: estimate plus difference is what was recorded. [TestFoldOrphans]
//  6. A counter holds exactly the entries up to its own position, each once;
//     the windows it keeps are complete. [TestCounterAdd, TestCounterProperty]
//  7. Windows follow the wall clock of the zone they are counted in, through
//     every change of its offset. [TestWindowReset, TestWindowsTile]
//  8. Money is integer nano-USD, rounded once per price line; the lines of a
//     charge add up to its cost. [TestPrice, FuzzPrice]
//  9. An unknown price is null and counted as unpriced, never 0.
//     [TestPriceUnknown, TestFoldUnpriced]
//  10. The shipped price book names its source, and its version is the hash of
//     its prices. [TestBookIsWhatItSays]
//  11. What a fold remembers is bounded, whatever died how often, and what it
//     forgets depends on the log alone. [TestPastIsBounded, TestBuriedIsBounded,
//     TestPastIsShared]
//  12. A counter knows what each of the latest epochs has spent of it; of one it may
//     have forgotten it says nothing. [TestShares, TestShareOfOtherWindows]
//  13. An epoch is over when it is closed and all its requests are ended; whoever
//     sees that in the bucket has seen all it is known to have spent.
//     [TestLost, TestOverForgets, TestRestartGivesTheSameFold]
//  14. An epoch is lost only if others were heard while it was silent, and not if it
//     spoke before its end was folded. What it says later counts. [TestLost,
//     TestLostNeedsListeners, TestLostIsRefused, TestLostSpeaksAgain]
//  15. A dead event that is applied again counts once, and a fold that was restarted
//     comes to the same as a rebuild that finds nothing dead. [TestReapply,
//     TestReapplyFails, TestReapplyRefuses, TestReapplyOfTheForgotten]
//  16. A pool is never lent beyond its limit: what is seeded and what all hold are
//     together at most the limit, unless more was spent than reserved. What a dead
//     holder did not spend comes back to the unit. [TestPoolHolds, TestSize,
//     TestGrantsDoNotOverflow, FuzzDecodeLeases]
//  17. What was spent past a pool is taken in once, whoever spent it, and a pool
//     dies with its window. [TestCoverAndJoin, TestPoolsDieWithTheirWindows]
//
// # How far a limit can be exceeded
//
// By mode, for any number of nodes, any lag of the fold and any rate of requests:
//
//   - hard: C × h. C is how many requests of the scope run (or ended in the last
//     0.1 s and one exchange with the store) when the last of the limit is lent; h is
//     what vendors bill for one of them beyond what was reserved: the error of the
//     estimated input, output beyond the cap that was sent, and attempts before the
//     last that were billed although they broke off (at most two).
//   - concurrency, hard: 0.
//   - soft and shadow: unbounded; they are told of when they are first exceeded in a
//     window.
//
// A hard limit of $50 a month and 50 requests at once of 4,000 input tokens at $3 a
// million, estimated 5 % too low, the vendor keeping to the cap of output:
// 50 × 200 × $0.000003 = $0.03, so at most $50.03. If each also bills 1,000 tokens
// of reasoning beyond the cap at $15 a million: $0.75 more.
//
// Beyond that formula only what no lease could know:
//
//   - A limit that is new in mid-window is seeded from the counters, so what was
//     spent in one lag of the fold before is missed for as long: at $0.10 a second
//     and 2 s of lag $0.20. The same if the bucket of leases is lost; then also what
//     nodes hold still, until they ask next.
//     A limit per minute that several nodes use misses it until that minute is over.
//   - A lowered limit binds a node from its next request on; until then it may spend
//     what it holds, 2 s of its spending.
//   - What a process had sent to the log when it died, and the log got only when its
//     node had begun another life or was lost: it is booked, and may have been lent to
//     others before. At most what that process had reserved.
//   - A dead request is charged to the credential that the log knew last.
//   - An attempt that begins when the pool of its request's window is gone (two
//     windows later) is decided by the counters.
//
// What lowers usage afterwards, a correction or the vendor's count of a request whose
// node has died, does not make room again in that window.
//
// The other way round, a limit may refuse while as much is unspent as other nodes
// hold: each 2 s of its spending at most, all together about half of what is left,
// and all of it returned within a second of idleness; and what a node held that died,
// until its epoch is over.
//
// # Rules of the fold that the kinds leave open
//
//   - An attempt's usage is recorded once: of an open or orphaned request, a
//     record whose attempt is not higher than the last one recorded is dead.
//   - An attempt counts once: a failure that follows its usage record, as of a
//     stream that broke, adds to the failures only.
//   - The first record that follows an orphan's estimate replaces it: booked is
//     the difference, on the target the estimate was booked on. A record of a
//     later attempt is booked whole, on its own target.
//   - A difference or correction changes cost and unpriced count so that both end
//     where a single, right record would have put them.
//   - Usage of a request that is neither open nor an orphan is booked as it
//     stands: the bill is a fact, whatever became of the request.
//   - An epoch is closed by node.started of another epoch of its node, by its own
//     node.stopped or by node.lost, each in its partition; the first decides why
//     its requests are orphans. A closed epoch is forgotten 30 days
//     after its last message, an orphan 30 days after its end, and the oldest
//     earlier when there are more than 4,096 epochs or 12,288 orphans; an epoch
//     that was never closed stays, because it may only be idle.
//   - An entry is the spending of the epoch that said the event; of an orphan's
//     estimate and the difference that replaces it, of the epoch that admitted the
//     request; of a dead event applied again, of the epoch that said it first.
//   - Of dead events the latest 10,000 can be applied again. dead.reapplied means
//     nothing where none is remembered at its place. Events about nodes, and
//     dead.reapplied itself, are not applied again.
package accounting
