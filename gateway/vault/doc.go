// Package vault seals what nobody may read on the log: vendors' keys, signing
// secrets, addresses of people.
//
// A value is sealed with AES-256-GCM under a data key of its tenant, and bound to
// its place: tenant, object, the host it is sent to, and field. Data keys are kept
// in the keyring, a bucket, wrapped by the master key, which is never there. So a
// log and a keyring without the master key show nothing, the master key is changed
// without touching the log, and deleting a tenant's data keys makes what it had on
// the log unreadable.
//
// # Invariants
//
//  1. What was sealed opens at its own place and nowhere else. [TestPlace]
//  2. A change of the master key loses nothing: nodes that know both keys open
//     everything at every moment, and the old one is not needed afterwards.
//     [TestRotate]
//  3. What was sealed under a destroyed data key cannot be opened, by a node that
//     has just started nor by one that has opened it before. [TestDestroy]
//  4. Two nodes may seal for one tenant at once, also for the first time.
//     [TestRivals]
package vault
