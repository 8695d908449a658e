// Package publish sends a node's facts to the log: packed, in order, each
// message with bytes that never change once its counter is given.
//
// A partition has one message in flight. What is published meanwhile waits and
// leaves together in the next one, so a busy node sends few large messages and
// an idle one sends each event at once, without a timer. After an error the same
// bytes are sent again, before any other, until the log takes them.
//
// With an outbox the log has [Config.Patience] to take a message. Then the
// message, and everything behind it in its partition, goes to the outbox and from
// there to the log, in order; while the outbox holds anything of a partition
// nothing passes it by. Once the log answers again a new message is held back for
// up to Patience before it joins the outbox: so the outbox empties faster than it
// fills. What is kept there outlives the process: the next start of the node
// carries it to the log before it announces itself. In memory remain the bytes
// that neither of the two has, and one small receipt for each message kept.
//
// # Invariants
//
// The tests that hold each are named in brackets.
//
//  1. Of one epoch and partition the log holds, in its order and without
//     repetitions, the counters from 1 on without a gap, whatever fails and
//     wherever the process dies. [TestCampaign, TestCounterRisesByOne]
//  2. What is kept, as [Receipt.Kept] tells, reaches the log, if necessary by a
//     later start of the node. [TestCampaign, TestKeptOutlivesTheProcess]
//  3. The facts of a tenant reach the log in the order they were published,
//     through the outbox or not. [TestCampaign, TestOrder, TestNothingPassesTheOutboxBy]
//  4. A message has the same bytes and the same id wherever it goes. One whose
//     acknowledgement is unknown may be in the log twice; its counter tells.
//     [TestSameBytesAfterUnknownAck, TestUnknownAckThenOutbox]
//  5. The outbox forgets only what the log acknowledged. [TestCampaign,
//     TestOutboxIsTrimmedOnlyAfterTheLog]
//  6. A fact of a running request is never refused or dropped: when neither log
//     nor outbox takes it, it waits in memory and new requests are refused.
//     [TestFullOutbox, TestSickOutbox]
//  7. An epoch is announced only after everything older is in the log.
//     [TestStartDrainsWhatOlderEpochsLeft]
//  8. From Start to Close every partition hears of the epoch at least every
//     [Config.Heartbeat], unless something of it is under way there. [TestHeartbeats]
package publish
