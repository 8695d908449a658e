// Package projector holds what the folds of the log have in common. A fold reads
// the log in order and tells what it means: projector/counters the live totals of
// every scope, projector/tables the rows that questions are asked of, which
// projector/clickhouse keeps. query and export answer, replay reads the log itself
// back, verify recomputes everything, and rebuild makes it anew.
//
// # Invariants
//
// The tests that hold each are named in brackets.
//
//  1. A counter is the fold of the log up to its own position, whatever crashed,
//     was acknowledged twice or never, was repeated in the log, or was done by a
//     rival at the same time. [counters.TestExact, TestRealParts]
//  2. Counters and checkpoint change in one commit. A message that touches more
//     counters than one commit may write is cut between two events.
//     [counters.TestCutInsideMessage]
//  3. After any error a fold forgets what it has in memory and loads what is
//     stored. [counters.TestExact, tables.TestExact]
//  4. A row is in the tables once, and in the roll-up once, wherever writer or
//     engine died. [tables.TestExact, tables.TestEveryStep,
//     clickhouse.TestKillBetweenTableAndView, clickhouse.TestKillUnderLoad]
//  5. What the store may have forgotten is counted before it is inserted again;
//     what cannot be made whole is noticed. [tables.TestForgottenBatch]
//  6. A log, bucket or table that lost something, or is another one, stops the
//     fold and names what differs; a rebuild is the way out. [counters.TestGuard,
//     counters.TestGuardWhileRunning, tables.TestGuard,
//     rebuild.TestCountersOfAnotherLog]
//  7. A lost message stops its own partition only.
//     [counters.TestLostMessageStopsItsPartition, tables.TestLostMessageStopsItsPartition]
//  8. An event that cannot be applied is in the dead letters before the checkpoint
//     passes it. [counters.TestExact]
//  9. The requests of a dead epoch are ended once, by whomever and however often
//     their end is published; not in a partition that is stopped.
//     [counters.TestOrphans, TestNoOrphansBehindAGap]
//  10. While a store is away nothing is dropped, and the lag shows.
//     [tables.TestStoreAway, tables.TestStoreAwayFromTheStart]
//  11. Roll-up and rows give the same answer, in every time zone, and it is the
//     fold's. [query.TestQuestions]
//  12. verify finds what is not as the log says, and nothing else, also under
//     traffic. [verify.TestVerify, verify.TestLog]
//  13. What the folds remember of dead nodes can always be stored, and is written
//     when it changes; damage to it is noticed. [counters.TestDeaths,
//     tables.TestDeaths, counters.TestDamagedPast]
//  14. Commits of counters keep a pace, so that their cost does not follow the
//     number of requests. [counters.TestPace]
//  15. A rebuild gives what was live, and may be interrupted anywhere.
//     [rebuild.TestCounters, rebuild.TestTables, rebuild.TestRebuildEqualsLive,
//     rebuild.TestOver]
//  16. Who sees that an epoch is over in a partition sees in the counters all it has
//     spent there; somebody else's hand in that key is put right.
//     [counters.TestOverAfterCounts, counters.TestOverIsWrittenAnew, counters.TestLost]
//  17. A node that is silent while others speak is lost, its requests are ended, and
//     what it still says counts. [counters.TestLost, counters.TestLostOnce]
//  18. Projectors that believe they own the same partitions, which change hands at any
//     time, end in exact books. [counters.TestRivalShares, counters.TestMove]
//  19. Every number of an answer is the fold's: totals, charts, rankings, pages and
//     facets, in every time zone, and no scope sees another tenant's.
//     [query.TestQuestions]
//  20. The live tail shows each end once, also to who comes back; and it shows what
//     the tables would. [tail.TestFollow, query.TestQuestions]
//  21. A request's story comes to what the ledger says, also where the log holds
//     messages twice. [replay.TestStory]
//  22. A log of an earlier release means what it meant, to the byte of the counters.
//     [replay.TestGolden]
//  23. The ledger of a past instant is, to the byte, what the counters were then.
//     [ledger.TestAt]
//  24. A change of the configuration is in its table once, as the control stream has
//     it. [query.TestQuestions]
//  25. What is published of targets is what the last minutes, hour and day of the log
//     say, whoever publishes. [summaries.TestPublished]
//  26. A table has exactly the rows of the log, up to its checkpoint, that were admitted at
//     its horizon or later, and a roll-up adds up exactly those of its own, however late
//     they came, wherever a writer died while rows were let go, whatever rivals did.
//     [tables.TestRetention, tables.TestRetentionEveryStep, tables.TestRetentionExact,
//     tables.TestRetentionForgotten]
//  27. What was lost never passes for what was let go, and what was let go is no
//     difference. Quarters whose rows are gone are compared with the log itself.
//     [tables.TestLostIsNotLetGo, verify.TestRetention]
//  28. A rebuild with the same horizons gives what was live, with longer ones what the
//     log has. [rebuild.TestRetention]
//
// # What a checkpoint stands on
//
// A checkpoint names the stream by its creation time and the last message read by
// its hash, see [Anchor]; and it holds the snapshot of the fold to begin from, so
// that a restart knows the open requests again. What is over, which may be much and
// seldom changes, is in keys beside the checkpoint, see [Past].
package projector
