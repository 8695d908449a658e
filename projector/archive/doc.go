// Package archive keeps old parts of the log outside of its stream, and lets go of
// them there. Who reads the log through [Log] reads the archive, then the stream, and
// sees one log that begins at its first message for ever.
//
// # What an archive consists of
//
// A segment is a stretch of the stream: every message of it, of all partitions, with
// sequence, time, id, number of events and bytes as the stream has them. (What the
// stream holds besides follows from these: the subject is the partition's, the
// headers are id and number.) Segments follow each other without a gap, and each
// names the hash of the one before it, so the hash of the last stands for the whole
// history. A manifest lists all segments from the first on. Below the archive's
// location there is, for each stream that ever was, by the time of its creation:
//
//	traffic-<created, ns>/segments/<first>-<last>-<hash>.zst
//	traffic-<created, ns>/manifests/<last>-<hash>.json
//
// A segment's content, compressed with zstd, is a line of JSON that says what follows,
// and then each message: a line `<sequence> <time, ns> <partition> <events> <bytes>
// <id>` and the bytes, which are themselves one event a line. So `zstd -dc` and a
// pager are enough to audit, and `zstd -dc FILE | sha256sum` gives the hash. A message
// that no publisher of ours wrote has `-` for an id.
//
// Nothing is ever changed in place: an object is named by what it holds. A manifest
// is a whole truth by itself, and the one that reaches furthest is in force. So no
// storage needs conditional writes, and two archivers that run at once only write
// some objects that nobody refers to.
//
// # What is trimmed
//
// The archiver alone trims the stream, whole segments at a time, up to the lowest of:
// what is archived, what every fold would read again after a restart (checkpoints of
// the counters and of the tables), and what is older than the retention asked. Alerts
// hold nothing back: they are raised from counters, and what they look up in the log
// they read through the archive. Before it trims it reads the segments again, and
// writes down up to where (the mark, key `archive` of the counters' bucket), with the
// hash of the message there. A log that begins later than 1 and has no archive that
// holds what is missing, up to the message of the mark, has lost it.
//
// # Invariants
//
// The tests that hold each are named in brackets.
//
//  1. A log read through the archive is the log as it was: the same messages in the
//     same order, whatever was trimmed, also while it is trimmed. [TestConformance,
//     TestStores, TestPartitions, TestForeign, TestReadWhileTrimmed, TestRealFolds,
//     replay.TestGolden]
//  2. Whatever dies or fails at whatever step, another run of the archiver ends in
//     the same archive and the same log; nothing is in neither. [TestEveryStep,
//     TestFullDisk]
//  3. A segment is in a manifest only after it was read back whole, and is trimmed
//     from the stream only after it was read again. [TestLostBeforeTrim, TestRotten]
//  4. Nothing is trimmed that a fold may read again, or that is younger than the
//     retention. [TestLaggingFold, TestRetention, TestRealFolds]
//  5. Archivers that run at once do no harm. [TestRivals]
//  6. A segment or manifest that is missing, cut short or changed is found by every
//     read that needs it and by [Log.Verify], and is named with its sequences.
//     [TestDamage]
//  7. A log that begins later than its archive reaches, or later than any archive of
//     its own, is lost and stays an error. [TestLoss]
//  8. An archive that cannot be reached stops nobody who needs nothing of it.
//     [TestAway]
package archive
