package signin

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// ownID is the account that whoever asks is, whichever way they came.
func ownID(c echo.Context) (string, error) {
	if id := auth.From(c.Request().Context()).Account; id != "" {
		return id, nil
	}
	return "", &gateway.Error{Kind: gateway.Forbidden, Code: "account_needed", Public: "An operator's token is nobody's account."}
}

func (a *API) rename(c echo.Context) error {
	var body struct{ Name string }
	if err := read(c, &body); err != nil {
		return err
	}
	id, err := ownID(c)
	if err != nil {
		return err
	}
	err = a.service.edit(c.Request().Context(), by(c, "account.rename"), id, func(_ *control.Draft, account *control.Account) error {
		account.Name = body.Name
		return nil
	})
	if err != nil {
		return err
	}
	return a.session(c)
}

func (a *API) changePassword(c echo.Context) error {
	var body struct{ Current, Password string }
	if err := read(c, &body); err != nil {
		return err
	}
	who, err := signedIn(c)
	if err != nil {
		return err
	}
	e, err := a.service.ChangePassword(c.Request().Context(), who, control.NewSecret(body.Current), control.NewSecret(body.Password))
	if err != nil {
		return err
	}
	return a.answerEntry(c, http.StatusOK, e)
}

// TokenShown is a personal token, without its secret.
type TokenShown struct {
	Name    string          `json:"name"`
	Tenant  events.TenantID `json:"tenant,omitempty"` // absent: the whole installation
	Role    string          `json:"role"`             // at most
	Expires *time.Time      `json:"expires,omitempty"`
}

// TokenMade is a personal token that has just been made.
type TokenMade struct {
	TokenShown
	Token string `json:"token"` // shown only now
}

func shownTokens(account *control.Account) []TokenShown {
	out := []TokenShown{}
	for _, t := range account.Tokens {
		out = append(out, TokenShown{t.Name, t.Tenant, t.Role, momentOf(t.Expires)})
	}
	return out
}

func (a *API) listTokens(c echo.Context) error {
	id, err := ownID(c)
	if err != nil {
		return err
	}
	account := a.catalog().Account(id)
	if account == nil {
		return sessionError(ErrNoSession)
	}
	return c.JSON(http.StatusOK, map[string]any{"items": shownTokens(account)})
}

func (a *API) addToken(c echo.Context) error {
	var body struct {
		Name    string
		Tenant  events.TenantID
		Role    string
		Expires time.Time
	}
	if err := read(c, &body); err != nil {
		return err
	}
	if _, err := signedIn(c); err != nil {
		return err // else a token could outlive itself
	}
	id, err := ownID(c)
	if err != nil {
		return err
	}
	want := control.PersonalToken{Name: body.Name, Tenant: body.Tenant, Role: body.Role, Expires: body.Expires}
	secret, err := a.service.AddToken(c.Request().Context(), by(c, "account.token"), id, want)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, TokenMade{TokenShown{want.Name, want.Tenant, want.Role, momentOf(want.Expires)}, secret.Reveal()})
}

func (a *API) removeToken(c echo.Context) error {
	id, err := ownID(c)
	if err != nil {
		return err
	}
	if err := a.service.RemoveToken(c.Request().Context(), by(c, "account.token.remove"), id, c.Param("name")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
