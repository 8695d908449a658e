package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// tokensCmd is everything that can be done with tokens of operators.
type tokensCmd struct {
	List   listCmd[tokens]   `cmd:"" help:"List them."`
	Show   showCmd[tokens]   `cmd:"" help:"Show one."`
	Create tokenCreateCmd    `cmd:"" help:"Create one. It is shown once."`
	Update updateCmd[tokens] `cmd:"" help:"Change one."`
	Roll   tokenRollCmd      `cmd:"" help:"Give one a new secret, shown once."`
	Delete deleteCmd[tokens] `cmd:"" help:"Remove one."`
	past[tokens]
}

type tokenCreateCmd struct {
	edit
	Name    string        `arg:"" optional:"" help:"Names the holder in the audit."`
	Role    string        `help:"Of the installation admin, operator or viewer; of a tenant owner, admin, operator, member or viewer."`
	Tenant  string        `help:"Whose token it is. Default: the installation's."`
	User    string        `help:"E-mail address or id of the tenant's user whom it stands for, and whose role it does not exceed."`
	Expires time.Duration `help:"How long it works. Default: for ever." placeholder:"DURATION"`
	File    string        `short:"f" help:"What it is like instead: a JSON object with the words of hub.yaml; - reads the standard input." placeholder:"FILE"`
}

// Run creates a token.
func (c *tokenCreateCmd) Run(ctx context.Context, w world) error {
	if (c.Name == "") == (c.File == "") {
		return usageError{errors.New("--file: name the token, or say what it is like by a file")}
	}
	body, err := c.spec(w)
	if err != nil {
		return err
	}
	return c.send(ctx, w, message{method: http.MethodPost, path: apiBase + "tokens", body: body})
}

func (c *tokenCreateCmd) spec(w world) ([]byte, error) {
	if c.File != "" {
		return readBody(w, c.File)
	}
	spec := map[string]string{"name": c.Name}
	for key, value := range map[string]string{"role": c.Role, "tenant": c.Tenant, "user": c.User} {
		if value != "" {
			spec[key] = value
		}
	}
	if c.Expires != 0 {
		spec["expires"] = time.Now().Add(c.Expires).UTC().Format(time.RFC3339)
	}
	return json.Marshal(spec)
}
