package client

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"
)

// Accounts gives everybody who can sign in, by id, page by page; an error is the last.
func (c *Client) Accounts(ctx context.Context, q AccountsQuery) iter.Seq2[Account, error] {
	return pages(values(q), "after", func(query url.Values) ([]Account, string, error) {
		p, err := call[Accounts](ctx, c, Request{Method: http.MethodGet, Path: base + "accounts", Query: query}, nil)
		return p.Items, p.Next, err
	})
}

// Account gives one.
func (c *Client) Account(ctx context.Context, id string) (Account, error) {
	return get[Account](ctx, c, "accounts/"+url.PathEscape(id), nil)
}

// CreateAccount makes one; its owner sets a password by the reset in the answer.
func (c *Client) CreateAccount(ctx context.Context, spec AccountSpec) (AccountMade, error) {
	return post[AccountMade](ctx, c, "accounts", nil, spec)
}

// UpdateAccount changes one.
func (c *Client) UpdateAccount(ctx context.Context, id string, patch Patch, options ...Option) (Account, error) {
	return call[Account](ctx, c, Request{Method: http.MethodPatch, Path: base + "accounts/" + url.PathEscape(id)}, patch, options...)
}

// DeleteAccount removes one; its users stay.
func (c *Client) DeleteAccount(ctx context.Context, id string) error {
	return c.remove(ctx, "accounts/"+url.PathEscape(id))
}

// ResetAccount lets whoever is given the answer set the password once.
func (c *Client) ResetAccount(ctx context.Context, id string) (Reset, error) {
	return post[Reset](ctx, c, "accounts/"+url.PathEscape(id)+"/reset", nil, nil)
}

// Invites gives those that there are.
func (c *Client) Invites(ctx context.Context, q InvitesQuery) (Invites, error) {
	return get[Invites](ctx, c, "invites", q)
}

// Invite makes an invite.
func (c *Client) Invite(ctx context.Context, order InviteOrder) (InviteMade, error) {
	return post[InviteMade](ctx, c, "invites", nil, order)
}

// Uninvite takes an invite back.
func (c *Client) Uninvite(ctx context.Context, tenant, id string) error {
	return c.remove(ctx, "invites/"+url.PathEscape(tenant)+"/"+url.PathEscape(id))
}

// Exports gives those that are made in the background, the newest first.
func (c *Client) Exports(ctx context.Context) (Exports, error) {
	return get[Exports](ctx, c, "exports", nil)
}

// StartExport has a file made in the background: usage, requests or focus, with its query.
func (c *Client) StartExport(ctx context.Context, what string, query any) (Export, error) {
	return post[Export](ctx, c, "exports/"+url.PathEscape(what), query, nil)
}

// ExportOf tells how far an export is.
func (c *Client) ExportOf(ctx context.Context, id string) (Export, error) {
	return get[Export](ctx, c, "exports/"+url.PathEscape(id), nil)
}

// OpenExport opens the file of an export that is done. The caller closes it.
func (c *Client) OpenExport(ctx context.Context, id string) (io.ReadCloser, error) {
	return c.open(ctx, "exports/"+url.PathEscape(id)+"/file", nil)
}

// DeleteExport removes an export and its file.
func (c *Client) DeleteExport(ctx context.Context, id string) error {
	return c.remove(ctx, "exports/"+url.PathEscape(id))
}

// remove takes something away that answers nothing.
func (c *Client) remove(ctx context.Context, path string) error {
	return c.command(ctx, Request{Method: http.MethodDelete, Path: base + path}, nil)
}
