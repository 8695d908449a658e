package signin

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/client"
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

// own is the account of whoever asks, without parameters, about what is one's own.
func own(c echo.Context) (string, error) {
	if err := query(c); err != nil {
		return "", err
	}
	return ownID(c)
}

func (a *API) rename(c echo.Context) error {
	var body client.Rename
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
	return a.answerWho(c)
}

func (a *API) changePassword(c echo.Context) error {
	var body client.PasswordChange
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

func shownToken(t control.PersonalToken) client.PersonalToken {
	return client.PersonalToken{Name: t.Name, Tenant: string(t.Tenant), Role: t.Role, Expires: momentOf(t.Expires)}
}

func shownTokens(account *control.Account) []client.PersonalToken {
	out := []client.PersonalToken{}
	for _, t := range account.Tokens {
		out = append(out, shownToken(t))
	}
	return out
}

func (a *API) listTokens(c echo.Context) error {
	id, err := own(c)
	if err != nil {
		return err
	}
	account := a.catalog().Account(id)
	if account == nil {
		return sessionError(ErrNoSession)
	}
	return c.JSON(http.StatusOK, client.PersonalTokens{Items: shownTokens(account)})
}

func (a *API) addToken(c echo.Context) error {
	var body client.PersonalToken
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
	want := control.PersonalToken{Name: body.Name, Tenant: events.TenantID(body.Tenant), Role: body.Role, Expires: timeOf(body.Expires)}
	secret, err := a.service.AddToken(c.Request().Context(), by(c, "account.token"), id, want)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, client.PersonalTokenMade{PersonalToken: shownToken(want), Token: secret.Reveal()})
}

func (a *API) removeToken(c echo.Context) error {
	id, err := own(c)
	if err != nil {
		return err
	}
	if err := a.service.RemoveToken(c.Request().Context(), by(c, "account.token.remove"), id, c.Param("name")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
