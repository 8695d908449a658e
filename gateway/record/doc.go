// Package record leaves the facts of each request on the log.
//
// A [Recorder] belongs to the node, a [Request] to one request. The request
// keeps what every one of its events repeats (who, when admitted), the receipts
// that the acknowledgement modes wait for, and the two promises of the books:
// usage at most once per attempt, and exactly one end. The same facts drive the
// metrics, so that a graph and the books cannot disagree about what is counted.
//
// Refusals of one key for one reason are events of their own up to
// [MaxRefusals] a second; what is beyond is counted and leaves in one event.
//
// A [Correction] is the operator's: it adds to what was recorded, and never
// overwrites it.
package record
