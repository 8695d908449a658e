// Package alerts tells people what they should know of: that a limit is nearly
// used up, that a model has no price, that the books differ, that a fold lags, that
// an event could not be applied.
//
// A [Watcher] finds such things and raises them as events in the stream of alerts; a
// [Deliverer] posts what is in the stream to webhooks. The two share nothing but the
// stream, so alerts outlive whoever raised them, and any number of processes may run
// either at once.
//
// # Invariants
//
// The tests that hold each are named in brackets.
//
//  1. An alert has an id that depends on nothing but what it is about, so it is in
//     the stream once, whoever raises it and however often. [TestLimits, TestRivals]
//  2. What cannot be raised now is kept and raised later. [TestStreamAway]
//  3. A limit is compared with the sum of all shards of its scope, in the window
//     that holds now. [TestLimits, TestShards, TestWindowEnds]
//  4. A webhook gets every alert of the stream at least once; the first time each,
//     in the order of the stream. [TestDeliver, TestUndelivered, TestKilled,
//     TestStoreAway, TestTwoDeliverers, TestRunAgain, TestNewStream]
//  5. The position of a webhook changes by compare-and-set, and only after the
//     receiver took the alert or has refused it for good. [TestKilled, TestRefused]
//  6. Nothing is posted that is not signed; a secret of less than 32 bytes makes no
//     webhook. [TestSignature, TestNewWebhook]
//  7. A webhook's address and secret are in no log, status or error.
//     [TestNothingIsTold]
//
// # What is posted
//
// A body is JSON: `text` is one line for people, `alert` the same for machines, with
// the alert's `id`. To Slack only `text` is posted, because Slack does not promise to
// overlook what it does not know. The headers are those of Standard Webhooks:
// `webhook-id` is the alert's id and stays the same however often it is posted,
// `webhook-timestamp` is the time of the try in seconds, `webhook-signature` is `v1,`
// and the base64 of the HMAC-SHA256 of `id.timestamp.body`. The key is the secret's
// bytes; of a secret that begins with `whsec_`, the bytes that the rest is the base64
// of. A new webhook starts at the oldest alert that the stream holds.
//
// A status of 2xx takes an alert. One of 4xx refuses it, but for 408, 409, 425 and
// 429: refused three times it is skipped, which is logged and counted. Whatever else
// comes, or nothing within 10 s, is tried again for ever, after a pause at random
// that grows up to 5 minutes. Redirects are not followed.
package alerts
