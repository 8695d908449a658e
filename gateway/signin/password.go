package signin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// Bounds of a password, in characters.
const (
	minPassword = 12
	maxPassword = 128
)

// Cost is what one run of argon2id takes.
type Cost struct {
	Memory  uint32 // KiB
	Time    uint32 // passes
	Threads uint8
}

// DefaultCost is the least that OWASP advises: about 40 ms and 19 MiB.
func DefaultCost() Cost { return Cost{Memory: 19456, Time: 2, Threads: 1} }

const (
	saltSize = 16
	tagSize  = 32
)

// Hasher hashes passwords, few at a time. All its methods may be called at once.
type Hasher struct {
	cost Cost
	gate *gate
	runs atomic.Int64
}

// NewHasher makes a hasher.
func NewHasher(cost Cost) *Hasher { return &Hasher{cost: cost, gate: newGate(maxRuns, maxWaiting)} }

// Runs is how often argon2id ran.
func (h *Hasher) Runs() int64 { return h.runs.Load() }

// Hash makes the PHC string of a password. Its errors are *gateway.Error: too many are
// waiting, or ctx ended.
func (h *Hasher) Hash(ctx context.Context, password string) (control.Secret, error) {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	p := phc{cost: h.cost, salt: salt}
	var err error
	if p.tag, err = h.run(ctx, p, password); err != nil {
		return control.Secret{}, err
	}
	return control.NewSecret(p.String()), nil
}

// Verify tells whether a password is the one of a PHC string, and whether that was
// made at less cost than today's. An empty string is nobody's, which costs one run as
// well. Errors are those of Hash.
func (h *Hasher) Verify(ctx context.Context, hash control.Secret, password string) (right, weak bool, err error) {
	want, known := parsePHC(hash.Reveal())
	if !known {
		want = phc{cost: h.cost, salt: make([]byte, saltSize), tag: make([]byte, tagSize)}
	}
	got, err := h.run(ctx, want, password)
	if err != nil {
		return false, false, err
	}
	right = subtle.ConstantTimeCompare(got, want.tag) == 1 && known
	c := want.cost
	return right, c.Memory < h.cost.Memory || c.Time < h.cost.Time, nil
}

func (h *Hasher) run(ctx context.Context, p phc, password string) ([]byte, error) {
	leave, err := h.gate.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	h.runs.Add(1)
	return argon2.IDKey([]byte(norm.NFC.String(password)), p.salt, p.cost.Time, p.cost.Memory, p.cost.Threads, tagSize), nil
}

// phc is a PHC string of argon2id.
type phc struct {
	cost Cost
	salt []byte
	tag  []byte
}

// String writes it.
func (p phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.cost.Memory, p.cost.Time, p.cost.Threads, b64.EncodeToString(p.salt), b64.EncodeToString(p.tag))
}

// Bounds of what is computed for a string that somebody else made.
const (
	mostMemory  = 256 << 10
	mostTime    = 16
	mostThreads = 8
)

// parsePHC reads what [phc.String] writes; false of anything else.
func parsePHC(text string) (p phc, ok bool) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, false
	}
	n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.cost.Memory, &p.cost.Time, &p.cost.Threads)
	if err != nil || n != 3 {
		return p, false
	}
	b64 := base64.RawStdEncoding.Strict()
	var saltErr, tagErr error
	p.salt, saltErr = b64.DecodeString(parts[4])
	p.tag, tagErr = b64.DecodeString(parts[5])
	c := p.cost
	sane := c.Memory >= 8 && c.Memory <= mostMemory && c.Time >= 1 && c.Time <= mostTime && c.Threads >= 1 && c.Threads <= mostThreads
	return p, errors.Join(saltErr, tagErr) == nil && sane && len(p.salt) >= 8 && len(p.tag) == tagSize
}

// CheckPassword tells what a new password lacks, as a *gateway.Error that names field.
func CheckPassword(field, password, address string) error {
	wrong := func(code, text string) error {
		return &gateway.Error{Kind: gateway.Invalid, Code: code, Param: field, Public: text}
	}
	password = norm.NFC.String(password)
	n := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password):
		return wrong("invalid_password", "The password is not text in UTF-8.")
	case n < minPassword:
		return wrong("short_password", fmt.Sprintf("The password has %d characters; it needs at least %d.", n, minPassword))
	case n > maxPassword:
		return wrong("long_password", fmt.Sprintf("The password has %d characters; it may have at most %d.", n, maxPassword))
	case guessable(password, address):
		return wrong("common_password", "The password is one of the first that anybody would try.")
	}
	return nil
}
