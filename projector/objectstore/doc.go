// Package objectstore keeps whole objects by their names, in a directory or in
// storage that speaks S3. What it is given appears whole or not at all.
//
// # Locations
//
// A location is a directory, or `s3://bucket/prefix`. Behind a `?` it may say
// `endpoint=https://host:port` of a storage that is not AWS's own, and `region=`.
// What it does not say is taken from the usual variables: AWS_ENDPOINT_URL_S3 or
// AWS_ENDPOINT_URL, AWS_REGION or AWS_DEFAULT_REGION. Credentials are never part of a
// location: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, else the
// file that AWS's tools share, else the role of the machine or the pod.
//
// # Invariants
//
// The tests that hold each are named in brackets; Conformance is run on every kind
// of store.
//
//  1. An object is seen whole or not at all, whatever fails while it is put; what
//     was there before stays until then. [TestConformance, TestKilledPut]
//  2. What was put is read back as it is by every later Get, and is in every later
//     List, in a directory also after a crash of the machine. [TestConformance]
//  3. An absent object is [ErrNotFound], an absent bucket [ErrNoBucket], and any other
//     failure is neither. [TestConformance, TestS3Refuses, TestNoBucket]
//  4. No name leads out of the store. [TestConformance]
package objectstore
