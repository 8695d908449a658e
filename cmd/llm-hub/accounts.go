package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	wire "github.com/llm-hub/llm-hub/client"
)

// accountsCmd is what administrators do with those who sign in.
type accountsCmd struct {
	List          accountListCmd    `cmd:"" help:"List them."`
	Show          accountShowCmd    `cmd:"" help:"Show one."`
	Add           accountAddCmd     `cmd:"" help:"Make one. Shows, once, what its owner sets a password with."`
	Update        accountUpdateCmd  `cmd:"" help:"Change one."`
	Disable       accountDisableCmd `cmd:"" help:"Let it sign in no more; its sessions and tokens end at once."`
	Enable        accountEnableCmd  `cmd:"" help:"Let it sign in again."`
	ResetPassword accountResetCmd   `cmd:"" help:"Show, once, what its owner sets a new password with."`
	Invite        accountInviteCmd  `cmd:"" help:"Invite somebody to a tenant. The invite is shown once."`
	Invites       accountInvitesCmd `cmd:"" help:"List invites."`
	Uninvite      uninviteCmd       `cmd:"" help:"Take an invite back."`
	Delete        accountDeleteCmd  `cmd:"" help:"Remove one; users of tenants stay."`

	Sessions accountSessionsCmd `cmd:"" help:"List one's own sessions; with a personal token."`
	SignOut  accountSignOutCmd  `cmd:"" help:"End one of one's own sessions, or all; with a personal token."`
}

// accountID names the account a command is about.
type accountID struct {
	remote
	output
	ID string `arg:"" help:"Its id, or its e-mail address."`
}

type accountListCmd struct {
	remote
	output
}

type (
	accountShowCmd    struct{ accountID }
	accountDisableCmd struct{ accountID }
	accountEnableCmd  struct{ accountID }
	accountResetCmd   struct{ accountID }
	accountDeleteCmd  struct{ accountID }
	accountUpdateCmd  struct {
		accountID
		File string `short:"f" required:"" help:"What changes: a JSON object with email, name, role, state, memberships; null removes; - reads the standard input." placeholder:"FILE"`
	}
)

type accountAddCmd struct {
	remote
	output
	Email  string   `arg:"" help:"Address that it signs in with."`
	Name   string   `help:"What the person is called."`
	Role   string   `help:"In the whole installation: admin, operator, viewer. Default: none."`
	Member []string `help:"User of a tenant that it may act as; may be repeated." placeholder:"TENANT/USER"`
}

type accountInviteCmd struct {
	remote
	output
	Tenant  string        `required:"" help:"Tenant that it is for."`
	Role    string        `help:"Role of the user that it makes."`
	User    string        `help:"Instead of --role: id of a user who is there already."`
	Email   string        `help:"Whom it is for. Default: whoever has it."`
	Expires time.Duration `help:"How long it works." default:"168h"`
}

type accountInvitesCmd struct {
	remote
	output
	Tenant string `help:"Only those for this tenant."`
}

type uninviteCmd struct {
	remote
	ID string `arg:"" help:"TENANT/INVITE."`
}

const accountsPath = apiBase + "accounts"

// accounts are all of them.
func (r *remote) accounts(ctx context.Context, w world) (all []wire.Account, err error) {
	hub, err := r.connect(ctx, w, true)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closeErr := hub.close(); err == nil {
			err = closeErr
		}
	}()
	all = []wire.Account{}
	for a, err := range hub.Accounts(ctx, wire.AccountsQuery{}) {
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// path is the address of the account.
func (c *accountID) path(ctx context.Context, w world) (string, error) {
	if !strings.Contains(c.ID, "@") {
		return accountsPath + "/" + url.PathEscape(c.ID), nil
	}
	all, err := c.accounts(ctx, w)
	if err != nil {
		return "", err
	}
	for _, a := range all {
		if strings.EqualFold(a.Email, c.ID) {
			return accountsPath + "/" + a.ID, nil
		}
	}
	return "", fmt.Errorf("there is no account %s", c.ID)
}

// exchangeJSON makes one call, prints the answer as JSON if that is wanted, and
// decodes it into v else.
func (r *remote) exchangeJSON(ctx context.Context, w world, o output, m message, v any, print func()) error {
	m.logOnly = true
	return r.exchange(ctx, w, m, func(body io.Reader) error {
		raw, err := io.ReadAll(body)
		if err != nil || len(raw) == 0 {
			return err
		}
		if o.Output == "json" {
			return printJSON(w.out, raw)
		}
		if err := json.Unmarshal(raw, v); err != nil {
			return fmt.Errorf("answer %q: %w", raw, err)
		}
		print()
		return nil
	})
}

// Run prints every account.
func (c *accountListCmd) Run(ctx context.Context, w world) error {
	all, err := c.accounts(ctx, w)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		raw, err := json.Marshal(all)
		if err != nil {
			return err
		}
		return printJSON(w.out, raw)
	}
	t := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tEMAIL\tNAME\tROLE\tSTATE\tMEMBER OF")
	for _, a := range all {
		var of []string
		for _, m := range a.Memberships {
			of = append(of, m.Tenant+" ("+m.Role+")")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", a.ID, a.Email, a.Name, a.Role, a.State, strings.Join(of, ", "))
	}
	return t.Flush()
}

// Run prints one.
func (c *accountShowCmd) Run(ctx context.Context, w world) error {
	path, err := c.path(ctx, w)
	if err != nil {
		return err
	}
	return c.show(ctx, w, path, nil)
}

// Run makes an account.
func (c *accountAddCmd) Run(ctx context.Context, w world) error {
	spec := wire.AccountSpec{Email: c.Email, Name: c.Name, Role: c.Role}
	for _, m := range c.Member {
		tenant, user, ok := strings.Cut(m, "/")
		if !ok {
			return usageError{fmt.Errorf("--member: %q is not TENANT/USER", m)}
		}
		spec.Memberships = append(spec.Memberships, wire.Member{Tenant: tenant, User: user})
	}
	body, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	var made wire.AccountMade
	return c.exchangeJSON(ctx, w, c.output, message{method: http.MethodPost, path: accountsPath, body: body}, &made, func() {
		fmt.Fprintf(w.out, "account %s\n", made.ID)
		printReset(w.out, made.Reset)
	})
}

// printReset tells how somebody sets a password.
func printReset(out io.Writer, r wire.Reset) {
	fmt.Fprintf(out, "token to set a password with, until %s (shown once): %s\n", r.Until.Format(time.RFC3339), r.Token)
	fmt.Fprintln(out, `  its owner sends {"token": ..., "password": ...} to POST /api/v1/reset`)
}

// Run changes one.
func (c *accountUpdateCmd) Run(ctx context.Context, w world) error {
	body, err := readBody(w, c.File)
	if err != nil {
		return err
	}
	return c.patch(ctx, w, body)
}

func (c *accountID) patch(ctx context.Context, w world, body []byte) error {
	path, err := c.path(ctx, w)
	if err != nil {
		return err
	}
	var a wire.Account
	return c.exchangeJSON(ctx, w, c.output, message{method: http.MethodPatch, path: path, body: body}, &a, func() {
		fmt.Fprintf(w.out, "account %s is %s, version %d\n", a.ID, a.State, a.Version)
	})
}

// Run disables one.
func (c *accountDisableCmd) Run(ctx context.Context, w world) error {
	return c.patch(ctx, w, []byte(`{"state": "disabled"}`))
}

// Run enables one.
func (c *accountEnableCmd) Run(ctx context.Context, w world) error {
	return c.patch(ctx, w, []byte(`{"state": "enabled"}`))
}

// Run lets a password be set.
func (c *accountResetCmd) Run(ctx context.Context, w world) error {
	path, err := c.path(ctx, w)
	if err != nil {
		return err
	}
	var r wire.Reset
	return c.exchangeJSON(ctx, w, c.output, message{method: http.MethodPost, path: path + "/reset"}, &r, func() { printReset(w.out, r) })
}

// Run removes one.
func (c *accountDeleteCmd) Run(ctx context.Context, w world) error {
	path, err := c.path(ctx, w)
	if err != nil {
		return err
	}
	return c.exchangeJSON(ctx, w, c.output, message{method: http.MethodDelete, path: path}, nil, nil)
}

const invitesPath = apiBase + "invites"

// Run makes an invite.
func (c *accountInviteCmd) Run(ctx context.Context, w world) error {
	until := time.Now().Add(c.Expires).UTC().Truncate(time.Second)
	body, err := json.Marshal(wire.InviteOrder{Tenant: c.Tenant, Role: c.Role, User: c.User, Email: c.Email, Expires: &until})
	if err != nil {
		return err
	}
	var made wire.InviteMade
	return c.exchangeJSON(ctx, w, c.output, message{method: http.MethodPost, path: invitesPath, body: body}, &made, func() {
		fmt.Fprintf(w.out, "invite %s/%s, until %s (shown once): %s\n", made.Tenant, made.ID, made.Expires.Format(time.RFC3339), made.Secret)
	})
}

// Run prints every invite.
func (c *accountInvitesCmd) Run(ctx context.Context, w world) error {
	q := url.Values{}
	set(q, "tenant", c.Tenant)
	var list wire.Invites
	return c.exchangeJSON(ctx, w, c.output, message{method: http.MethodGet, path: invitesPath, query: q}, &list, func() {
		t := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "ID\tROLE\tUSER\tEMAIL\tEXPIRES\tISSUER")
		for _, i := range list.Items {
			fmt.Fprintf(t, "%s/%s\t%s\t%s\t%s\t%s\t%s\n", i.Tenant, i.ID, i.Role, i.User, i.Email, i.Expires.Format(time.RFC3339), i.Issuer)
		}
		_ = t.Flush() // a terminal that is gone misses nothing
	})
}

// Run takes an invite back.
func (c *uninviteCmd) Run(ctx context.Context, w world) error {
	tenant, id, ok := strings.Cut(c.ID, "/")
	if !ok {
		return usageError{fmt.Errorf("%q is not TENANT/INVITE", c.ID)}
	}
	path := invitesPath + "/" + url.PathEscape(tenant) + "/" + url.PathEscape(id)
	return c.exchangeJSON(ctx, w, output{}, message{method: http.MethodDelete, path: path}, nil, nil)
}
