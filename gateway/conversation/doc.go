// Package conversation remembers where answers are kept, so that a later request can
// go on from one by its id, on any node and after any restart. It stands on a bucket
// whose entries lapse.
//
// Most answers are kept by the vendor that made them; then all that is remembered is
// which credential can ask for them: an id and names, never content. Answers of
// other vendors the gateway has to keep itself, what was asked included. It does so
// only where the operator wants it (settings.retention.content_days), apart from all
// facts, sealed, and for so many days.
//
// # Promises
//
// The tests that hold each are named in brackets.
//
//  1. A tenant finds its own answers and nobody else's: the tenant is part of the
//     key, and of what a seal is bound to. [TestTenantsAreApart, TestSealIsBound]
//  2. What was kept is found until its time is over, or the bucket is so full that
//     the oldest had to go; it is found whole or not at all: its record is written
//     after all of its content, and content of which a part is missing is none.
//     [TestKeep, TestLargeContent, TestHalfContent]
//  3. A bucket that is out of reach costs no answer: keeping gives up, says so in the
//     log and in a metric, and makes nobody wait for more than [Patience]. Finding
//     says that it cannot be told now, which is another thing than that there is
//     nothing. [TestUnreachable]
//  4. Content is readable neither in the bucket nor on its disk, and never in a log
//     or an error; without the tenant's data key nobody reads it any more.
//     [TestContentIsSealed]
//  5. A conversation ends somewhere: of its turns and of its bytes only so many are
//     put together. [TestHistoryIsBounded]
package conversation
