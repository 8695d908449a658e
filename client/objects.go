package client

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
)

// Objects are those of one sort that is configured: S says of one, L narrows a list.
// Their ids are NAME, or HOLDER/NAME of what a tenant or provider holds.
type Objects[S, L any] struct {
	client *Client
	path   string
	holder string // parameter that names who holds one; empty: nobody does
	parts  int    // of an id in an address; 0: it has none
}

// Providers are the vendor accounts.
func (c *Client) Providers() Objects[Provider, ProviderList] {
	return Objects[Provider, ProviderList]{c, "providers", "", 1}
}

// Credentials are the vendor keys; a provider holds them.
func (c *Client) Credentials() Objects[Credential, CredentialList] {
	return Objects[Credential, CredentialList]{c, "credentials", "provider", 2}
}

// Models are the logical models.
func (c *Client) Models() Objects[Model, ModelList] {
	return Objects[Model, ModelList]{c, "models", "", 1}
}

// Tenants are the organisations.
func (c *Client) Tenants() Objects[Tenant, ListQuery] {
	return Objects[Tenant, ListQuery]{c, "tenants", "", 1}
}

// Users are the people of tenants, which hold them.
func (c *Client) Users() Objects[User, UserList] {
	return Objects[User, UserList]{c, "users", "tenant", 2}
}

// Teams are people and keys of tenants that spend together.
func (c *Client) Teams() Objects[Team, TeamList] {
	return Objects[Team, TeamList]{c, "teams", "tenant", 2}
}

// Keys are the virtual keys; a tenant holds them.
func (c *Client) Keys() Objects[Key, KeyList] { return Objects[Key, KeyList]{c, "keys", "tenant", 2} }

// Tokens are those of operators.
func (c *Client) Tokens() Objects[Token, TokenList] {
	return Objects[Token, TokenList]{c, "tokens", "", 1}
}

// Prices are those that differ from the shipped book; an id is KIND/MODEL.
func (c *Client) Prices() Objects[Price, ListQuery] {
	return Objects[Price, ListQuery]{c, "prices", "", 2}
}

// at is the address of an object, and of what can be done with it.
func (o Objects[S, L]) at(id string, more ...string) string {
	path := base + o.path
	for _, part := range strings.SplitN(id, "/", o.parts) {
		path += "/" + url.PathEscape(part)
	}
	return strings.Join(append([]string{path}, more...), "/")
}

// List gives a page.
func (o Objects[S, L]) List(ctx context.Context, q L) (Page[S], error) {
	return get[Page[S]](ctx, o.client, o.path, q)
}

// All gives every object, page by page; an error is the last.
func (o Objects[S, L]) All(ctx context.Context, q L) iter.Seq2[Object[S], error] {
	return pages(values(q), "after", func(query url.Values) ([]Object[S], string, error) {
		p, err := call[Page[S]](ctx, o.client, Request{Method: http.MethodGet, Path: base + o.path, Query: query}, nil)
		return p.Items, p.Next, err
	})
}

// pages goes through what is answered in pages.
func pages[T any](query url.Values, cursor string, page func(url.Values) (items []T, next string, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			items, next, err := page(query)
			if err != nil {
				yield(*new(T), err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			query.Set(cursor, next)
		}
	}
}

// Get gives one.
func (o Objects[S, L]) Get(ctx context.Context, id string) (Object[S], error) {
	return call[Object[S]](ctx, o.client, Request{Method: http.MethodGet, Path: o.at(id)}, nil)
}

// Create adds one; holder is who is to hold it, empty where nobody does. A secret that
// the hub makes is in the answer, and nowhere else.
func (o Objects[S, L]) Create(ctx context.Context, holder string, spec S, options ...Option) (Changed[S], error) {
	q := url.Values{}
	if (holder == "") != (o.holder == "") {
		return Changed[S]{}, fmt.Errorf("client: %s: the holder is %q, wanted is the name of a %q", o.path, holder, o.holder)
	}
	if holder != "" {
		q.Set(o.holder, holder)
	}
	return call[Changed[S]](ctx, o.client, Request{Method: http.MethodPost, Path: base + o.path, Query: q}, spec, options...)
}

// Patch is a JSON merge patch: what it has is changed, nil removes.
type Patch map[string]any

// Update changes one.
func (o Objects[S, L]) Update(ctx context.Context, id string, patch Patch, options ...Option) (Changed[S], error) {
	return call[Changed[S]](ctx, o.client, Request{Method: http.MethodPatch, Path: o.at(id)}, patch, options...)
}

// Delete removes one, and what is inside it.
func (o Objects[S, L]) Delete(ctx context.Context, id string, options ...Option) (Changed[S], error) {
	return call[Changed[S]](ctx, o.client, Request{Method: http.MethodDelete, Path: o.at(id)}, nil, options...)
}

// History gives every version of one, the newest first; an error is the last.
func (o Objects[S, L]) History(ctx context.Context, id string) iter.Seq2[Entry, error] {
	return pages(url.Values{}, "before", func(query url.Values) ([]Entry, string, error) {
		p, err := call[Entries](ctx, o.client, Request{Method: http.MethodGet, Path: o.at(id, "history"), Query: query}, nil)
		return p.Items, p.Next, err
	})
}

// Rollback makes one what it was at a version of its history.
func (o Objects[S, L]) Rollback(ctx context.Context, id string, version uint64, options ...Option) (Changed[S], error) {
	return call[Changed[S]](ctx, o.client, Request{Method: http.MethodPost, Path: o.at(id, "rollback")}, RollbackOrder{To: version}, options...)
}

// RollKey gives a virtual key, TENANT/NAME, a new secret.
func (c *Client) RollKey(ctx context.Context, id string, q RollQuery, options ...Option) (Changed[Key], error) {
	return roll[Key](ctx, c, c.Keys().at(id, "roll"), q, options)
}

// RollToken gives an operator's token a new secret.
func (c *Client) RollToken(ctx context.Context, id string, q RollQuery, options ...Option) (Changed[Token], error) {
	return roll[Token](ctx, c, c.Tokens().at(id, "roll"), q, options)
}

func roll[S any](ctx context.Context, c *Client, path string, q RollQuery, options []Option) (Changed[S], error) {
	return call[Changed[S]](ctx, c, Request{Method: http.MethodPost, Path: path, Query: values(q)}, nil, options...)
}

// Cooldown makes every node leave a credential, PROVIDER/NAME, alone for a while.
func (c *Client) Cooldown(ctx context.Context, credential string, order CooldownOrder, options ...Option) (Changed[Cooldown], error) {
	return call[Changed[Cooldown]](ctx, c, Request{Method: http.MethodPost, Path: c.Credentials().at(credential, "cooldown")}, order, options...)
}

// Release makes every node use a credential, PROVIDER/NAME, again.
func (c *Client) Release(ctx context.Context, credential string, order ReleaseOrder, options ...Option) (Changed[Cooldown], error) {
	return call[Changed[Cooldown]](ctx, c, Request{Method: http.MethodPost, Path: c.Credentials().at(credential, "release")}, order, options...)
}

// Cooldowns are what operators have said of credentials.
func (c *Client) Cooldowns(ctx context.Context) iter.Seq2[Object[Cooldown], error] {
	return Objects[Cooldown, ListQuery]{c, "cooldowns", "", 1}.All(ctx, ListQuery{})
}

// Settings gives those of the whole hub.
func (c *Client) Settings(ctx context.Context) (Object[Settings], error) {
	return get[Object[Settings]](ctx, c, "settings", nil)
}

// UpdateSettings changes those of the whole hub.
func (c *Client) UpdateSettings(ctx context.Context, patch Patch, options ...Option) (Changed[Settings], error) {
	return call[Changed[Settings]](ctx, c, Request{Method: http.MethodPatch, Path: base + "settings"}, patch, options...)
}

// SettingsHistory gives every version of those, the newest first; an error is the last.
func (c *Client) SettingsHistory(ctx context.Context) iter.Seq2[Entry, error] {
	return c.settings().History(ctx, "")
}

// RollbackSettings makes them what they were at a version of their history.
func (c *Client) RollbackSettings(ctx context.Context, version uint64, options ...Option) (Changed[Settings], error) {
	return c.settings().Rollback(ctx, "", version, options...)
}

// settings are the one object of its sort, which has no id.
func (c *Client) settings() Objects[Settings, ListQuery] {
	return Objects[Settings, ListQuery]{c, "settings", "", 0}
}
