// Package jobs writes large exports in the background, part by part, so that one that
// is interrupted goes on and whoever wants the file may fetch it in ranges.
//
// A job is a directory of its own below the one of [Config]: job.json says what was
// ordered and how far it is, part-N are the slices of time that are finished, and at
// the end there is one file in their place, or an object in the storage that was named.
// A job belongs to the process whose directory it is in.
//
// # Invariants
//
// The tests that hold each are named in brackets.
//
//  1. The file is what the same export gives at once: each row once, in its order,
//     whatever was killed when. [TestJob, TestGoesOn]
//  2. A part is counted when it is on the disk, so it is never written twice into the
//     file, and never missing. [TestGoesOn]
//  3. What may pass is tried again until it has, or the job is deleted, and nobody waits
//     for it meanwhile; what is wrong with the order ends the job. [TestTriesAgain,
//     TestOthersGoFirst, TestStalled, TestRefused]
//  4. A job ends after [Lifetime]: then it and its file are gone. [TestExpires]
package jobs
