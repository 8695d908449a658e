package signin

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// FirstRunTime is how long a first-run token works.
const FirstRunTime = time.Hour

// firstRunKey is where the hash of the first-run token is kept.
const firstRunKey = "first-run"

// firstRun is what is kept of the token.
type firstRun struct {
	Hash  string    `json:"hash"`
	Until time.Time `json:"until"`
}

// FirstRun is how the first account can be made.
type FirstRun struct {
	// Token is to be shown to whoever started the hub, now or never: nobody has it
	// besides. Empty: it was shown by an earlier start, or by another node.
	Token control.Secret
	Until time.Time // zero: there is an account, so there is no such way
}

// FirstRun makes the first-run token, unless there is an account or a token that
// still works.
func (s *Service) FirstRun(ctx context.Context) (FirstRun, error) {
	if s.cfg.Plane.Live().Current().HasAccounts() {
		return FirstRun{}, nil
	}
	kept, rev, err := s.keptFirstRun(ctx)
	if err != nil || kept.Hash != "" {
		return FirstRun{Until: kept.Until}, err
	}
	token, hash := control.GenerateOnce(control.FirstRunPrefix)
	kept = firstRun{Hash: hash, Until: s.cfg.Now().Add(FirstRunTime)}
	value, err := json.Marshal(kept)
	if err != nil {
		return FirstRun{}, err
	}
	_, err = s.cfg.Bucket.PutFor(ctx, events.Put{Key: firstRunKey, Value: value, Rev: rev}, FirstRunTime)
	if errors.Is(err, events.ErrConflict) { // another node was faster, and has shown it
		kept, _, err = s.keptFirstRun(ctx)
		return FirstRun{Until: kept.Until}, err
	}
	if err != nil {
		return FirstRun{}, outOfReach(err)
	}
	return FirstRun{Token: token, Until: kept.Until}, nil
}

// keptFirstRun is what is kept of a token that still works, else nothing.
func (s *Service) keptFirstRun(ctx context.Context) (kept firstRun, rev uint64, err error) {
	e, err := s.cfg.Bucket.Get(ctx, firstRunKey)
	if err != nil {
		return kept, 0, outOfReach(err)
	}
	if e.Value == nil || json.Unmarshal(e.Value, &kept) != nil || !s.cfg.Now().Before(kept.Until) {
		return firstRun{}, e.Rev, nil
	}
	return kept, e.Rev, nil
}

// Newcomer is somebody who makes an account.
type Newcomer struct {
	Email    string
	Name     string
	Password control.Secret
}

// Setup makes the first account, an administrator of the installation, and the owner
// of tenant if one is named; it is made if it is not there.
func (s *Service) Setup(ctx context.Context, who Caller, token control.Secret, n Newcomer, tenant events.TenantID) (Entry, error) {
	if err := s.addresses.try(who.From); err != nil {
		return Entry{}, s.count(throttled, err)
	}
	kept, _, err := s.keptFirstRun(ctx)
	if err != nil {
		return Entry{}, err
	}
	if kept.Hash == "" || !control.NewSecret(kept.Hash).Equal(control.NewSecret(control.Digest(token))) {
		return Entry{}, s.count(refused, notValid("The first-run token is not valid, was used, or is older than an hour; a start of a hub without accounts shows another."))
	}
	a, err := s.newAccount(ctx, n)
	if err != nil {
		return Entry{}, err
	}
	a.Role, a.Verified = adminRole, true
	_, err = s.cfg.Plane.Do(ctx, who.by("first-run", "setup"), func(d *control.Draft) error {
		if len(d.Accounts()) > 0 {
			return &gateway.Error{Kind: gateway.Conflict, Code: "already_set_up", Public: "There is an account already."}
		}
		a.Memberships = nil
		if tenant != "" {
			m, err := owner(d, tenant, a.Email)
			if err != nil {
				return err
			}
			a.Memberships = []control.Membership{m}
		}
		return d.PutAccount(a)
	})
	if err != nil {
		return Entry{}, err
	}
	s.forgetFirstRun(ctx)
	return s.enter(ctx, who, a)
}

// owner makes the owner of a tenant, and the tenant if need be.
func owner(d *control.Draft, tenant events.TenantID, address string) (control.Membership, error) {
	if !d.HasTenant(tenant) {
		if err := d.AddTenant(tenant); err != nil {
			e := *gateway.AsError(err)
			e.Param = "tenant"
			return control.Membership{}, &e
		}
	}
	return d.AddMember(tenant, address, ownerRole)
}

// forgetFirstRun takes the token away. What stays of it lapses, and makes no account
// while there is one.
func (s *Service) forgetFirstRun(ctx context.Context) {
	_, rev, err := s.keptFirstRun(ctx)
	if err == nil {
		_, err = s.cfg.Bucket.Commit(ctx, []events.Put{{Key: firstRunKey, Rev: rev}})
	}
	if err != nil {
		s.cfg.Logger.Warn("the first-run token is still kept; it lapses", "error", err)
	}
}
