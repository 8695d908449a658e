package signin

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// AccountShown is an account as administrators see it.
type AccountShown struct {
	ID          string            `json:"id"`
	Email       string            `json:"email"`
	Name        string            `json:"name,omitempty"`
	Role        string            `json:"role,omitempty"` // in the whole installation; absent: none
	State       string            `json:"state"`          // enabled, disabled
	Verified    bool              `json:"verified"`       // somebody else vouches for the address
	HasPassword bool              `json:"has_password"`
	ResetUntil  *time.Time        `json:"reset_until,omitempty"` // until when somebody may set the password
	Issuers     []string          `json:"issuers,omitempty"`     // of single sign-on that it is linked to
	Memberships []MembershipShown `json:"memberships"`
	Tokens      []TokenShown      `json:"tokens"`
	Version     uint64            `json:"version"` // for If-Match
}

// AccountPage is a part of the list.
type AccountPage struct {
	Items []AccountShown `json:"items"`
	Next  string         `json:"next,omitempty"` // value of after for the next page; empty: this is the last
}

// ResetMade lets whoever is given it set a password once.
type ResetMade struct {
	Token string    `json:"token"` // shown only now; POST /api/v1/reset takes it
	Until time.Time `json:"until"`
}

// AccountMade is an account that has just been made, and how its owner gets a password.
type AccountMade struct {
	AccountShown
	Reset ResetMade `json:"reset"`
}

const (
	stateEnabled  = "enabled"
	stateDisabled = "disabled"
	defaultPage   = 100
	maxPage       = 1000
)

func refOf(id string) control.Ref {
	return control.Ref{Sort: events.AccountSort, Tenant: events.NoTenant, ID: id}
}

func (a *API) shown(account *control.Account) AccountShown {
	out := AccountShown{
		ID: account.ID, Email: account.Email, Name: account.Name, Role: account.Role, State: stateEnabled, Verified: account.Verified,
		HasPassword: !account.Password.Empty(), Memberships: a.memberships(account), Tokens: shownTokens(account),
	}
	if account.Disabled {
		out.State = stateDisabled
	}
	if r := account.Reset; r != nil && a.service.cfg.Now().Before(r.Until) {
		out.ResetUntil = momentOf(r.Until)
	}
	for _, i := range account.Identities {
		out.Issuers = append(out.Issuers, i.Issuer)
	}
	if o, ok := a.service.cfg.Plane.State().Object(refOf(account.ID)); ok {
		out.Version = o.Seq
	}
	return out
}

func (a *API) listAccounts(c echo.Context) error {
	limit := defaultPage
	for name, values := range c.QueryParams() {
		n, err := strconv.Atoi(values[0])
		switch {
		case len(values) != 1 || name != "limit" && name != "after":
			return &gateway.Error{Kind: gateway.Invalid, Param: name, Public: "Parameter " + name + ": is not known here, or given twice."}
		case name == "limit" && (err != nil || n < 1 || n > maxPage):
			return &gateway.Error{Kind: gateway.Invalid, Param: name, Public: "Parameter limit: is not a number from 1 to 1000."}
		case name == "limit":
			limit = n
		}
	}
	page := AccountPage{Items: []AccountShown{}}
	for _, account := range a.catalog().Accounts() {
		if account.ID <= c.QueryParam("after") {
			continue
		}
		if len(page.Items) == limit {
			page.Next = page.Items[limit-1].ID
			break
		}
		page.Items = append(page.Items, a.shown(account))
	}
	return c.JSON(http.StatusOK, page)
}

func (a *API) showAccount(c echo.Context) error {
	return a.answerAccount(c, http.StatusOK, c.Param("id"))
}

func (a *API) answerAccount(c echo.Context, status int, id string) error {
	account := a.catalog().Account(id)
	if account == nil {
		return &gateway.Error{Kind: gateway.NotFound, Code: "no_such_object", Public: "There is no account " + id + "."}
	}
	out := a.shown(account)
	tag(c, out.Version)
	return c.JSON(status, out)
}

func tag(c echo.Context, version uint64) {
	c.Response().Header().Set("ETag", strconv.Quote(strconv.FormatUint(version, 10)))
}

// match reads the version that a change is made for.
func match(c echo.Context) (control.Match, error) {
	given := c.Request().Header.Get("If-Match")
	if given == "" || given == "*" {
		return nil, nil
	}
	version, err := strconv.ParseUint(strings.Trim(given, `"`), 10, 64)
	if err != nil {
		return nil, &gateway.Error{Kind: gateway.Invalid, Param: "If-Match", Public: "The header If-Match is not an ETag of this API."}
	}
	return &version, nil
}

// accountChange is what administrators may say of an account. What is left out stays.
type accountChange struct {
	Email       *string
	Name        *string
	Role        *string // empty: none
	State       *string
	Memberships *[]struct {
		Tenant events.TenantID
		User   string
	}
}

func (ch accountChange) apply(account *control.Account) error {
	if ch.Email != nil && normal(*ch.Email) != account.Email {
		account.Email, account.Verified = normal(*ch.Email), true // the administrator vouches for it
	}
	if ch.Name != nil {
		account.Name = *ch.Name
	}
	if ch.Role != nil {
		account.Role = *ch.Role
	}
	if ch.State != nil {
		if *ch.State != stateEnabled && *ch.State != stateDisabled {
			return &gateway.Error{Kind: gateway.Invalid, Param: "state", Public: "The state is enabled or disabled."}
		}
		account.Disabled = *ch.State == stateDisabled
	}
	if ch.Memberships != nil {
		account.Memberships = nil
		for _, m := range *ch.Memberships {
			account.Memberships = append(account.Memberships, control.Membership{Tenant: m.Tenant, User: m.User})
		}
		account.Tokens = slices.DeleteFunc(account.Tokens, func(t control.PersonalToken) bool {
			return t.Tenant != "" && !slices.ContainsFunc(account.Memberships, func(m control.Membership) bool { return m.Tenant == t.Tenant })
		})
	}
	return nil
}

// addAccount makes an account without a password, and what its owner sets one with.
func (a *API) addAccount(c echo.Context) error {
	var body accountChange
	if err := read(c, &body); err != nil {
		return err
	}
	secret, hash := control.GenerateOnce(control.ResetPrefix)
	until := a.service.cfg.Now().Add(ResetTime).UTC().Truncate(time.Second)
	account := &control.Account{ID: control.NewAccountID(), Epoch: 1, Reset: &control.Reset{Hash: hash, Until: until}}
	if err := body.apply(account); err != nil {
		return err
	}
	_, err := a.service.cfg.Plane.Do(c.Request().Context(), by(c, "account.add"), func(d *control.Draft) error { return d.PutAccount(account) })
	if err != nil {
		return err
	}
	out := AccountMade{a.shown(account), ResetMade{secret.Reveal(), until}}
	tag(c, out.Version)
	return c.JSON(http.StatusCreated, out)
}

func (a *API) patchAccount(c echo.Context) error {
	var body accountChange
	if err := read(c, &body); err != nil {
		return err
	}
	m, err := match(c)
	if err != nil {
		return err
	}
	id := c.Param("id")
	_, err = a.service.cfg.Plane.Do(c.Request().Context(), by(c, "account.patch"), func(d *control.Draft) error {
		account, err := d.Account(id, m)
		if err != nil {
			return err
		}
		if err := body.apply(account); err != nil {
			return err
		}
		return d.PutAccount(account)
	})
	if err != nil {
		return err
	}
	return a.answerAccount(c, http.StatusOK, id)
}

func (a *API) removeAccount(c echo.Context) error {
	m, err := match(c)
	if err != nil {
		return err
	}
	_, err = a.service.cfg.Plane.Do(c.Request().Context(), by(c, "account.remove"), func(d *control.Draft) error { return d.Remove(refOf(c.Param("id")), m) })
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (a *API) allowReset(c echo.Context) error {
	secret, until, err := a.service.AllowReset(c.Request().Context(), by(c, "account.reset.allow"), c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, ResetMade{secret.Reveal(), until.UTC().Truncate(time.Second)})
}
