// Package backup is the file that a backup is: a tar of parts, each a head, its chunks
// and its end with their SHA-256, and last a manifest. So tar shows what is in one, and
// whatever is missing or was changed is told by the name of its part, before the part
// counts. [Seal] and [Open] encrypt the whole with age; who may read it cannot change
// it unnoticed then, as nobody else can.
package backup
