// Package call is the life of a request between the client and the vendors.
//
// [Engine.Serve] admits a request, walks the plan that package route made, and
// leaves its facts on the log through package record. One goroutine does it all;
// timers only cancel it or keep its client awake.
//
// # Promises
//
// The tests that hold each are named in brackets.
//
//  1. Another credential or target is tried only while the client has got no
//     byte. After that a failure is an error event of the client's dialect, never
//     a silent end and never a made-up finish. [TestFallback, TestStreamCut]
//  2. An admitted request has exactly one end, and an attempt has its usage
//     recorded at most once, on every path, panics included. [TestEveryPathEndsOnce]
//  3. With [Strict] the client gets no first byte before the admission is durable
//     in the log or the outbox, and no last byte before the usage is; with
//     [FirstByte] only the first. [TestAck]
//  4. What a vendor bills is on the books also when the client hangs up, wherever:
//     to the token if the call was drained, else as an estimate and never nothing.
//     So is a failed attempt that the vendor bills. [TestHangUpAnywhere,
//     TestCutStreams, TestFailedAttemptIsBilled]
//  5. A stream that is under way for five seconds, or a thousand tokens, since its
//     last checkpoint leaves one if there is news, also while the vendor pauses.
//     [TestCheckpoints, TestCheckpointInAPause]
//  6. A credential whose vendor says that its limits leave too little is used when
//     nothing else is left, and not before. [TestVendorLimitsSteer,
//     TestVendorHasTheLastWord]
//  7. A vendor that cannot do what is asked is never called. If none can, the request
//     is refused before any is, or answered by the gateway itself and marked as an
//     estimate. [TestUnableVendorsAreSkipped, TestNobodyIsAble, TestLocalAnswer]
//  8. What the client said and the vendor is not told is named to the client, or
//     makes the request an error if it wants that. [TestDropped]
//  9. Who keeps an answer is told on before the client has all of it, and only of
//     one that is whole. What goes on from it asks that credential or none.
//     [TestKeep, TestKeptIsAsked]
//  10. A form that one vendor has read in vain goes whole to the next.
//     [TestUploadGoesToTheNext]
//  11. An answer that has no place for an error, as sound has none, breaks the
//     connection when it breaks off. [TestTornSound]
//
// # When usage is recorded
//
//   - The vendor gave its own count with a whole answer: that count.
//   - A whole answer came without a count: an estimate, marked as such.
//   - Of a task without a count, what can be counted: the images of the answer, the
//     characters that were spoken, the length of the recording by its file; in tokens
//     if those are what the price book knows of the model; marked as estimated. Once
//     its answer began, or its call broke off, all of it [TestTasks].
//   - A stream broke after it began, by whomever: the vendor's last word on the
//     input, else the estimate of it, and the larger of the vendor's last word on
//     the output and the tokens seen; marked as an estimate.
//   - The client hung up and the call was cancelled, after it was sent: the same,
//     also when no byte of the answer had come, because a vendor that was stopped
//     has read the prompt. Else hanging up early would be free.
//   - A whole answer broke off on its way: the vendor has made it and bills it, so
//     an estimate of the input and of what came, at most what was reserved.
//   - An answer that was refused, timed out or lost before it began, and a whole
//     answer that makes no sense: nothing, unless the vendor had already given a
//     count. A made-up count would be charged to somebody.
//   - What no vendor bills, such as the counting of tokens: nothing. It counts as a
//     request all the same.
//
// # Estimates
//
// Limits reserve the prompt and the capped output. The cap is the request's own,
// for all its choices; without one it is 1,024 tokens. A client without a cap is
// not given one at the vendor: the body stays its own, and the answer may be
// longer than what was reserved. So a hard limit of tokens or of cost may be
// exceeded by at most the requests that run at once, times what a vendor may bill
// of one beyond its estimate: with a cap, the error of the prompt's estimate;
// without, the model's longest answer less 1,024 tokens.
//
// The prompt is counted by the model's tokenizer (package estimate) where a limit
// of tokens or of cost applies to the request, and where an estimate is booked;
// else a token is taken for four bytes, which costs nothing [TestEstimates,
// TestBookedEstimates]. An orphan is charged its last checkpoint or what was
// estimated at its admission: where no limit depends on it that is the cheap
// estimate, whose error is small beside that of the capped output.
package call
