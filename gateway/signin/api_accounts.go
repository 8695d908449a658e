package signin

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
)

const (
	stateEnabled  = "enabled"
	stateDisabled = "disabled"
	defaultPage   = 100
	maxPage       = 1000
)

func refOf(id string) control.Ref {
	return control.Ref{Sort: events.AccountSort, Tenant: events.NoTenant, ID: id}
}

func (a *API) shown(account *control.Account) client.Account {
	out := client.Account{
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
	if err := query(c, "after", "limit"); err != nil {
		return err
	}
	limit := defaultPage
	if text := c.QueryParam("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxPage {
			return &gateway.Error{Kind: gateway.Invalid, Param: "limit", Public: "Parameter limit: is not a number from 1 to 1000."}
		}
	}
	page := client.Accounts{Items: []client.Account{}}
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
	if err := query(c); err != nil {
		return err
	}
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

// accountChange is a merge patch of what administrators say of an account
// ([client.AccountSpec]): what is left out stays, null removes.
type accountChange struct {
	Email       said[string]          `json:"email"`
	Name        said[string]          `json:"name"`
	Role        said[string]          `json:"role"`
	State       said[string]          `json:"state"`
	Memberships said[[]client.Member] `json:"memberships"`
}

// said is a value that may have been left out.
type said[T any] struct {
	given bool
	value T // zero of null
}

// UnmarshalJSON implements [json.Unmarshaler].
func (s *said[T]) UnmarshalJSON(raw []byte) error {
	s.given = true
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(&s.value)
}

func (ch accountChange) apply(account *control.Account) error {
	if address := normal(ch.Email.value); ch.Email.given && address != account.Email {
		account.Email, account.Verified = address, true // the administrator vouches for it
	}
	if ch.Name.given {
		account.Name = ch.Name.value
	}
	if ch.Role.given {
		account.Role = ch.Role.value
	}
	if state := cmp.Or(ch.State.value, stateEnabled); ch.State.given {
		if state != stateEnabled && state != stateDisabled {
			return &gateway.Error{Kind: gateway.Invalid, Param: "state", Public: "The state is enabled or disabled."}
		}
		account.Disabled = state == stateDisabled
	}
	if ch.Memberships.given {
		account.Memberships = nil
		for _, m := range ch.Memberships.value {
			account.Memberships = append(account.Memberships, control.Membership{Tenant: events.TenantID(m.Tenant), User: m.User})
		}
		account.Tokens = slices.DeleteFunc(account.Tokens, func(t control.PersonalToken) bool {
			return t.Tenant != "" && !account.MemberOf(t.Tenant)
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
	out := client.AccountMade{Account: a.shown(account), Reset: client.Reset{Token: secret.Reveal(), Until: until}}
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
	if err := query(c); err != nil {
		return err
	}
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
	if err := query(c); err != nil {
		return err
	}
	secret, until, err := a.service.AllowReset(c.Request().Context(), by(c, "account.reset.allow"), c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, client.Reset{Token: secret.Reveal(), Until: until.UTC().Truncate(time.Second)})
}
