package control

import (
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/llm-hub/llm-hub/events"
)

// undescribed tells which objects no file describes: they come and go with people and
// with what they do, so hub.yaml has no words for them, an export does not hold them and
// apply --prune leaves them alone.
func undescribed(s events.Sort) bool {
	return s == events.AccountSort || s == events.InviteSort || s == events.CooldownSort
}

// accountDoc is an account as the log has it.
type accountDoc struct {
	ID          id                 `yaml:"id" required:"true"`
	Email       email              `yaml:"email" required:"true"`
	Name        personName         `yaml:"name"`
	Role        operatorRole       `yaml:"role"` // in the whole installation
	State       switchState        `yaml:"state"`
	Verified    yesNo              `yaml:"verified"` // somebody else vouches for the address
	Memberships []membershipDoc    `yaml:"memberships"`
	Password    passwordHash       `yaml:"password"`
	Epoch       *positive          `yaml:"epoch"` // of its sessions: older ones are over
	Reset       *resetDoc          `yaml:"reset"`
	Identities  []identityDoc      `yaml:"identities"`
	Tokens      []personalTokenDoc `yaml:"tokens"`
}

type membershipDoc struct {
	Tenant tenantID `yaml:"tenant" required:"true"`
	User   id       `yaml:"user" required:"true"`
}

type resetDoc struct {
	Key   suppliedKey `yaml:"key" required:"true"`
	Until moment      `yaml:"until" required:"true"`
}

type identityDoc struct {
	Issuer  personalText `yaml:"issuer" required:"true"`
	Subject personalText `yaml:"subject" required:"true"`
}

type personalTokenDoc struct {
	Name    id          `yaml:"name" required:"true"`
	Key     suppliedKey `yaml:"key" required:"true"`
	Tenant  tenantID    `yaml:"tenant"`
	Role    role        `yaml:"role" required:"true"`
	Expires moment      `yaml:"expires"`
}

// inviteDoc is an invite as the log has it.
type inviteDoc struct {
	Name    id          `yaml:"name" required:"true"`
	Key     suppliedKey `yaml:"key" required:"true"`
	Role    role        `yaml:"role"` // of the user it makes
	User    id          `yaml:"user"` // that is there already
	Email   email       `yaml:"email"`
	Expires moment      `yaml:"expires" required:"true"`
	Issuer  id          `yaml:"issuer"` // account
}

// Types of text about people. All but yesNo are sealed on the log.
type (
	personName   string
	personalText string
	// passwordHash is a PHC string. Nobody sees it, not even in part.
	passwordHash struct{ Secret }
	yesNo        string
)

const maxPersonName = 100 // runes

func (v *personName) parse(s string) error {
	odd := func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }
	if utf8.RuneCountInString(s) > maxPersonName || strings.TrimSpace(s) != s || s == "" || strings.ContainsFunc(s, odd) {
		return errors.New("not a name of 1 to 100 characters without control characters and outer spaces")
	}
	*v = personName(s)
	return nil
}

func (v *personalText) parse(s string) error {
	var text string
	if err := plain(&text, s); err != nil {
		return err
	}
	*v = personalText(text)
	return nil
}

func (v *passwordHash) parse(s string) error {
	const longest = 512
	if !strings.HasPrefix(s, "$argon2id$") || len(s) > longest || !visible(s) {
		return errors.New("not the hash of a password")
	}
	v.Secret = NewSecret(s)
	return nil
}

func (v *yesNo) parse(s string) error { return word(v, s, []string{"yes", "no"}) }

func (*personName) schema() schema {
	return schema{Type: "string", MinLength: 1, MaxLength: maxPersonName}
}
func (*personalText) schema() schema { return schema{Type: "string", MinLength: 1} }
func (*passwordHash) schema() schema { return schema{Type: "string", MinLength: 1} }
func (*yesNo) schema() schema        { return schema{Type: "string", Enum: []string{"yes", "no"}} }

func (v *personName) reveal() string     { return string(*v) }
func (v *personName) put(text string)    { *v = personName(text) }
func (*personName) personal()            {}
func (v *personalText) reveal() string   { return string(*v) }
func (v *personalText) put(text string)  { *v = personalText(text) }
func (*personalText) personal()          {}
func (passwordHash) hide(string) bool    { return true }
func (*passwordHash) unseen()            {}
func (v *personName) hide(string) bool   { return true }
func (v *personalText) hide(string) bool { return true }

// momentOf is the text of t, empty of the zero time.
func momentOf(t time.Time) moment {
	if t.IsZero() {
		return ""
	}
	return moment(t.UTC().Truncate(time.Second).Format(time.RFC3339))
}

// keyOfHash stands for a secret of which only the hash is known.
func keyOfHash(hash string) suppliedKey { return suppliedKey{hash: hash} }
