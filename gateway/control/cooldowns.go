package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
)

// cooldownDoc is what an operator has said of a credential: leave it alone until a
// time, or use it again in spite of what vendors have said before.
type cooldownDoc struct {
	Credential reference   `yaml:"credential" required:"true"` // PROVIDER/NAME
	Model      vendorModel `yaml:"model"`                      // only for this one
	Until      moment      `yaml:"until"`                      // not given: it is released
	Released   moment      `yaml:"released"`
	Reason     remark      `yaml:"reason"`
}

// remark is what a person says. It may name people, so it is sealed on the log.
type remark string

const maxRemark = 200 // runes

func (v *remark) parse(s string) error {
	odd := func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }
	if utf8.RuneCountInString(s) > maxRemark || strings.ContainsFunc(s, odd) || strings.TrimSpace(s) == "" {
		return fmt.Errorf("not a text of 1 to %d characters without control characters", maxRemark)
	}
	*v = remark(s)
	return nil
}

func (*remark) schema() schema { return schema{Type: "string", MinLength: 1, MaxLength: maxRemark} }

func (v *remark) reveal() string  { return string(*v) }
func (v *remark) put(text string) { *v = remark(text) }
func (*remark) personal()         {}

// Cooldowns are what operators have said, by target; one without a model is of the
// credential for every model. It is never changed.
type Cooldowns struct {
	Until    map[events.Target]time.Time // ends of those that are in force, or were
	Released map[events.Target]time.Time // what vendors said up to then counts no more
}

func cooldownsOf(parts []*part) *Cooldowns {
	c := &Cooldowns{Until: map[events.Target]time.Time{}, Released: map[events.Target]time.Time{}}
	for _, one := range parts {
		doc, ok := one.doc.(*cooldownDoc)
		if !ok {
			continue
		}
		provider, name, _ := strings.Cut(string(doc.Credential), "/")
		t := events.Target{Provider: provider, Credential: name, Model: string(doc.Model)}
		if doc.Until != "" {
			c.Until[t] = doc.Until.time()
		}
		if doc.Released != "" {
			c.Released[t] = doc.Released.time()
		}
	}
	return c
}

// Cooling asks for a credential to be left alone, or to be used again.
type Cooling struct {
	Credential string        // PROVIDER/NAME
	Model      string        // the vendor's name of a model; empty: every model
	For        time.Duration // 0: it is released
	Reason     string        // empty: none is told
}

const (
	maxForced = 30 * 24 * time.Hour
	// forgetCooldowns is how long one that is over is kept: longer than what it is about
	// can matter to a node.
	forgetCooldowns = 24 * time.Hour
)

func (c Cooling) ref() Ref {
	r := Ref{events.CooldownSort, events.NoTenant, c.Credential}
	if c.Model != "" {
		r.ID += "/" + c.Model
	}
	return r
}

// doc is what the log gets. An end is a whole second: for a release the next one, so
// that whatever was said before it is over.
func (c Cooling) doc(now time.Time) (*cooldownDoc, error) {
	d := &cooldownDoc{Credential: reference(c.Credential)}
	var wrong []error
	if c.Model != "" {
		wrong = append(wrong, field("model", d.Model.parse(c.Model)))
	}
	if c.Reason != "" {
		wrong = append(wrong, field("reason", d.Reason.parse(c.Reason)))
	}
	switch {
	case c.For < 0 || c.For > maxForced:
		wrong = append(wrong, field("for", fmt.Errorf("not a duration up to %s", maxForced)))
	case c.For == 0:
		d.Released = momentOf(now.Add(time.Second))
	default:
		d.Until = momentOf(now.Add(c.For + time.Second - 1))
	}
	return d, errors.Join(wrong...)
}

// field is the error of a value that was sent.
func field(name string, err error) error {
	if err == nil {
		return nil
	}
	return &gateway.Error{Kind: gateway.Invalid, Param: name, Public: name + ": " + err.Error() + ".", Cause: err}
}

// Cool gives the command that makes every node leave a credential alone, or use it
// again. What is over for long goes with it.
func (p *Plane) Cool(ctx context.Context, by By, c Cooling) (Created, error) {
	now := p.cfg.Now()
	out := Created{Ref: c.ref()}
	doc, err := c.doc(now)
	if err != nil {
		return out, err
	}
	out.Outcome, err = p.Do(ctx, by, func(d *Draft) error {
		if _, err := d.find(Ref{events.CredentialSort, events.NoTenant, c.Credential}, nil); err != nil {
			return err
		}
		for _, r := range slices.Clone(d.plan.order) {
			if old, ok := d.plan.parts[r].doc.(*cooldownDoc); ok && r != out.Ref && old.over(now) {
				d.plan.remove(r)
			}
		}
		d.set(&part{Ref: out.Ref, doc: doc})
		return nil
	})
	return out, err
}

// over tells whether nobody needs it any more.
func (d *cooldownDoc) over(now time.Time) bool {
	end := d.Until.time()
	if d.Until == "" {
		end = d.Released.time()
	}
	return now.Sub(end) > forgetCooldowns
}
