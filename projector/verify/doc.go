// Package verify recomputes the books from the log and compares them with what
// the folds have stored: every counter at its own position, the tables at their
// checkpoint, so the answer is exact while traffic goes on.
//
// [Run] does it once, from the beginning of the log. A [Verifier] keeps what it has
// folded, so that each run after its first reads only what is new in the log; a [Job]
// runs one again and again in the background.
//
// # What a run compares
//
// Every run compares every counter there is, with the shares of its epochs, and which
// epochs are over; a counter whose value is the one that was found right before is
// not decoded again. Of the tables it compares the rows of what is new, the quarters
// of the roll-up that these are in, and a share of all older rows: the tenants are
// parted into [Config.Shares] ranges, each run takes the next, so that after that
// many runs every row and quarter was compared again; with the defaults, 24 shares
// and an hour between runs, within a day. As soon as a table differs, every run
// compares all of it until it is right. What is wrong with the log itself, as a lost
// message, is reported by every run.
//
// # What it keeps
//
// For each counter of the bucket its fold, at most 8 KiB; for each group of equal
// labels in the tables its sums, about 300 bytes, and once more for as many runs as
// the tables lag, at most [maxOwed]; and what the folds hold: the open requests and
// what they remember of dead nodes. This grows with the configuration, not with the
// log.
//
// # Invariants
//
// The tests that hold each are named in brackets.
//
//  1. What is not as the log says is found, and nothing else, also under traffic.
//     [TestVerify, TestLog, TestVerifier]
//  2. A verifier finds in its later runs what a first run finds: at once in the
//     counters and in new rows, within its shares in older rows. [TestVerifier]
//  3. Of the log each message is read once, as long as it is the same log; of another
//     log or tables that stand before what was compared the verifier starts anew.
//     [TestVerifierReadsOnce, TestVerifierStartsAnew]
//  4. What could not be compared, because a store was away or lags, is compared as
//     soon as it can be. [TestVerifier, TestVerifierOwes]
//  5. Counters that are behind are no difference, counters that skipped something
//     are. [TestCountersBehind]
//  6. A job tells of every run that found a difference. [TestJob]
//  7. What retention let go of the tables is no difference; what is left, with quarters
//     of the roll-ups whose rows are gone, is compared as ever. If a horizon moves, the
//     verifier starts anew. [TestRetention]
package verify
