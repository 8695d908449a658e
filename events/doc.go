// Package events says what can happen in llm-hub and how it is remembered.
//
// An [Event] is a fact: it has happened, it is never changed, and every number
// the gateway knows is a fold over events. The package holds the envelope and
// the body of every kind, the names of streams, subjects and buckets, the codec
// of packed messages, and the small interfaces a log must offer. It imports the
// standard library only; [github.com/llm-hub/llm-hub/events/natslog] keeps the
// log in JetStream and [github.com/llm-hub/llm-hub/events/memlog] in memory, and
// both pass the suite in events/logtest.
//
// # Invariants
//
// The tests that hold each are named in brackets.
//
//  1. Once released, a kind's JSON keeps its meaning. Golden files of every
//     released version stay in testdata and must decode for ever; they are only
//     added. [TestGolden, TestGoldenFilesCoverEveryKind]
//  2. An unknown kind or field survives a round trip byte for byte.
//     [TestRoundTripKeepsUnknown, FuzzDecode]
//  3. An event's id is a function of its request, kind, attempt and number, so
//     the same fact published twice has the same id. [TestEventID]
//  4. A tenant's events all live in one partition, in the order its node
//     published them. [TestPartitionOf, publish.TestOrder]
//  5. Traffic travels packed: a producer has at most one message in flight per
//     partition; its bytes are fixed when its counter is given, and the counter
//     rises by exactly one per (epoch, partition). After an unknown
//     acknowledgement the same bytes are sent again before any other.
//     [publish.TestSameBytesAfterUnknownAck, publish.TestCounterRisesByOne]
//  6. At or below the highest counter seen of an epoch and partition a message
//     is a duplicate, the next one applies, a jump is a lost message.
//     [accounting.TestFoldProducers]
//  7. A log whose disk was full keeps what it acknowledged and takes more as soon
//     as there is space, and says that it is full until then.
//     [natslog.TestWritesAgainAfterAFullDisk, natslog.TestFullDiskIsFull]
//  8. While the log is out of reach a fact that counts as kept is in the node's
//     outbox, and reaches the log in the order of its partition, whatever dies
//     meanwhile. [publish.TestCampaign, natslog.TestOutboxConformance,
//     natslog.TestOutboxAfterUnknownPut, natslog.TestOutboxAfterAFullDisk]
//  9. Reads and lists see everything acknowledged before, also through a replica that
//     lags. [natslog.TestCluster, natslog.TestWatcherUnderChange]
//  10. The death, stall or upgrade of one of three servers loses nothing that was
//     acknowledged. [natslog.TestCluster]
//  11. What was put for a time is absent after it, and its end is told to watchers.
//     [natslog.TestConformance, memlog.TestLapseByTheTestClock]
//  12. An alert is kept once per id as long as its stream holds it.
//     [natslog.TestConformance]
//  13. Each role can do its work on the log and nothing of another's.
//     [natslog.TestDeployedPermissions]
//  14. Events carry ids and numbers only: never a prompt, a name, an address or
//     a secret in clear. [cmd/llm-hub.TestCanarySecrets,
//     gateway/control.TestNoSecretOnTheLog]
//
// # What may be assumed about now
//
// [Event.At] is the clock of the node that saw the fact and serves display only.
// Windows, counters, roll-ups and bills use [Event.WindowAt], the admission time
// that every event of a request carries, and nothing else. The order of facts is
// the order of the log.
package events
