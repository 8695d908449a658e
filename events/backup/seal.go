package backup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// Lock is who can read a backup: whoever has the key of one of the recipients, or the
// passphrase. Exactly one of both must be given.
type Lock struct {
	Recipients []string // age1...
	Passphrase string
}

// Seal encrypts what is written to it. It must be closed.
func (l Lock) Seal(w io.Writer) (io.WriteCloser, error) {
	if (len(l.Recipients) > 0) == (l.Passphrase != "") {
		return nil, errors.New("either recipients or a passphrase")
	}
	if l.Passphrase != "" {
		r, err := age.NewScryptRecipient(l.Passphrase)
		if err != nil {
			return nil, err
		}
		return age.Encrypt(w, r)
	}
	to, err := age.ParseRecipients(strings.NewReader(strings.Join(l.Recipients, "\n")))
	if err != nil {
		return nil, errors.New("not a recipient of age, age1...")
	}
	return age.Encrypt(w, to...)
}

// Key opens what was sealed.
type Key struct {
	Identities string // the text of a key file of age; empty: none
	Passphrase string
}

// ErrSealed says that a backup is encrypted and no key was given.
var ErrSealed = errors.New("the backup is encrypted")

// Open decrypts a backup, or passes one on that is not encrypted.
func Open(r io.Reader, k Key) (io.Reader, error) {
	const magic = "age-encryption.org/"
	b := bufio.NewReader(r)
	if start, _ := b.Peek(len(magic)); string(start) != magic {
		return b, nil
	}
	var ids []age.Identity
	if k.Passphrase != "" {
		id, err := age.NewScryptIdentity(k.Passphrase)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	if k.Identities != "" {
		more, err := age.ParseIdentities(strings.NewReader(k.Identities))
		if err != nil {
			return nil, errors.New("not a key file of age")
		}
		ids = append(ids, more...)
	}
	if len(ids) == 0 {
		return nil, ErrSealed
	}
	plain, err := age.Decrypt(b, ids...)
	if _, other := errors.AsType[*age.NoIdentityMatchError](err); other {
		return nil, errors.New("the backup is encrypted for another key or passphrase")
	}
	if err != nil {
		return nil, fmt.Errorf("its start was changed or is cut off: %w", err)
	}
	return plain, nil
}
