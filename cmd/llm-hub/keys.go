package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// keysCmd is everything that can be done with virtual keys.
type keysCmd struct {
	List   listCmd[keys]   `cmd:"" help:"List them."`
	Show   showCmd[keys]   `cmd:"" help:"Show one."`
	Create keyCreateCmd    `cmd:"" help:"Create one. Its secret is shown once."`
	Update updateCmd[keys] `cmd:"" help:"Change one."`
	Roll   keyRollCmd      `cmd:"" help:"Give it a new secret, shown once."`
	Pause  keyPauseCmd     `cmd:"" help:"Refuse it until it is resumed."`
	Resume keyResumeCmd    `cmd:"" help:"Let a paused key work again."`
	Revoke keyRevokeCmd    `cmd:"" help:"Refuse it for good."`
	Delete deleteCmd[keys] `cmd:"" help:"Remove it."`
	past[keys]
}

type keyCreateCmd struct {
	edit
	Tenant   string        `required:"" help:"Whose key it is."`
	Name     string        `arg:"" help:"Names the key in events, limits and reports."`
	User     string        `help:"E-mail address or id of the user who has it, and whose limits then hold too."`
	Team     string        `help:"Team whose key it is, and whose limits then hold too."`
	Model    []string      `help:"Logical models it may use. Default: all."`
	Endpoint []string      `help:"Endpoints it may use, like chat.completions. Default: all."`
	From     []string      `help:"Networks or addresses it may be used from. Default: all." placeholder:"CIDR"`
	Expires  time.Duration `help:"How long it works. Default: for ever." placeholder:"DURATION"`
	Tag      []string      `help:"Words to find it by."`
	Limit    []string      `help:"Like per=minute,requests=60,mode=hard." sep:"none" placeholder:"LIMIT"`
}

// Run creates a key.
func (c *keyCreateCmd) Run(ctx context.Context, w world) error {
	spec := map[string]any{"name": c.Name}
	for key, list := range map[string][]string{"models": c.Model, "endpoints": c.Endpoint, "addresses": c.From, "tags": c.Tag} {
		if len(list) > 0 {
			spec[key] = list
		}
	}
	if c.User != "" {
		spec["user"] = c.User
	}
	if c.Team != "" {
		spec["team"] = c.Team
	}
	if c.Expires != 0 {
		spec["expires"] = time.Now().Add(c.Expires).UTC().Format(time.RFC3339)
	}
	var limits []map[string]any
	for _, text := range c.Limit {
		limit, err := parseLimit(text)
		if err != nil {
			return usageError{err}
		}
		limits = append(limits, limit)
	}
	if limits != nil {
		spec["limits"] = limits
	}
	body, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	return c.send(ctx, w, message{method: http.MethodPost, path: apiBase + "keys", query: url.Values{"tenant": {c.Tenant}}, body: body})
}

// keyID names the key a command is about.
type keyID struct {
	edit
	ID string `arg:"" help:"TENANT/NAME."`
}

type (
	keyRollCmd struct {
		keyID
		Overlap time.Duration `help:"How long the secret it had works beside the new one." default:"0"`
	}
	keyPauseCmd  struct{ keyID }
	keyResumeCmd struct{ keyID }
	keyRevokeCmd struct{ keyID }
)

// Run replaces the secret.
func (c *keyRollCmd) Run(ctx context.Context, w world) error {
	return c.send(ctx, w, message{method: http.MethodPost, path: objectPath(keys{}, c.ID) + "/roll", query: url.Values{"overlap": {c.Overlap.String()}}})
}

// Run pauses.
func (c *keyPauseCmd) Run(ctx context.Context, w world) error {
	return c.state(ctx, w, objectPath(keys{}, c.ID), "paused")
}

// Run resumes.
func (c *keyResumeCmd) Run(ctx context.Context, w world) error {
	return c.state(ctx, w, objectPath(keys{}, c.ID), "active")
}

// Run revokes.
func (c *keyRevokeCmd) Run(ctx context.Context, w world) error {
	return c.state(ctx, w, objectPath(keys{}, c.ID), "revoked")
}
