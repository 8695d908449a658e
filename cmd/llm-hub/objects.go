package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// objectCmds are the commands for what is configured.
type objectCmds struct {
	Tenants     objectCmd[tenants] `cmd:"" help:"Organisations."`
	Users       objectCmd[users]   `cmd:"" help:"People of tenants."`
	Accounts    accountsCmd        `cmd:"" help:"Who signs in."`
	Teams       objectCmd[teams]   `cmd:"" help:"Teams or projects of tenants: people and keys that spend together."`
	Keys        keysCmd            `cmd:"" help:"Virtual keys: what applications authenticate with."`
	Providers   providersCmd       `cmd:"" help:"Vendor accounts."`
	Credentials credentialsCmd     `cmd:"" help:"Vendor keys of providers."`
	Models      objectCmd[models]  `cmd:"" help:"Logical models."`
	Tokens      tokensCmd          `cmd:"" help:"Tokens of operators, of the installation or of a tenant."`
	Prices      objectCmd[prices]  `cmd:"" help:"Prices that differ from the shipped book."`
	Limits      limitsCmd          `cmd:"" help:"Limits, wherever they are."`
	Settings    settingsCmd        `cmd:"" help:"Settings of the whole hub."`
	Audit       auditCmd           `cmd:"" help:"Who changed what."`
	MasterKey   masterKeyCmd       `cmd:"" help:"The key that secrets are sealed by."`
}

// noun is a sort of objects as commands name it.
type noun interface {
	// path is the word in the API's addresses.
	path() string
	// holder is what holds such objects, as the API's parameter; empty: the hub.
	holder() string
}

type (
	tenants     struct{}
	users       struct{}
	teams       struct{}
	keys        struct{}
	providers   struct{}
	credentials struct{}
	models      struct{}
	prices      struct{}
	tokens      struct{}
)

func (tenants) path() string       { return "tenants" }
func (tenants) holder() string     { return "" }
func (users) path() string         { return "users" }
func (users) holder() string       { return "tenant" }
func (teams) path() string         { return "teams" }
func (teams) holder() string       { return "tenant" }
func (keys) path() string          { return "keys" }
func (keys) holder() string        { return "tenant" }
func (providers) path() string     { return "providers" }
func (providers) holder() string   { return "" }
func (credentials) path() string   { return "credentials" }
func (credentials) holder() string { return "provider" }
func (models) path() string        { return "models" }
func (models) holder() string      { return "" }
func (tokens) path() string        { return "tokens" }
func (tokens) holder() string      { return "" }
func (prices) path() string        { return "prices" }
func (prices) holder() string      { return "" }

const apiBase = "/api/v1/"

// objectPath is the address of one object: ids are <holder>/<name> where there is a
// holder, and <kind>/<model> of prices.
func objectPath(n noun, id string, more ...string) string {
	parts := 1
	if n.holder() != "" || n == noun(prices{}) {
		parts = 2
	}
	path := apiBase + n.path()
	for _, part := range strings.SplitN(id, "/", parts) {
		path += "/" + url.PathEscape(part)
	}
	return strings.Join(append([]string{path}, more...), "/")
}

// objectCmd is everything that can be done with objects of a sort.
type objectCmd[N noun] struct {
	List   listCmd[N]   `cmd:"" help:"List them."`
	Show   showCmd[N]   `cmd:"" help:"Show one."`
	Create createCmd[N] `cmd:"" help:"Create one."`
	Update updateCmd[N] `cmd:"" help:"Change one."`
	Delete deleteCmd[N] `cmd:"" help:"Remove one, and what is inside it."`
	past[N]
}

// switchedCmd is [objectCmd] of what can be switched off.
type switchedCmd[N noun] struct {
	objectCmd[N]
	Disable disableCmd[N] `cmd:"" help:"Use it no more."`
	Enable  enableCmd[N]  `cmd:"" help:"Use it again."`
}

type disableCmd[N noun] struct {
	edit
	ID string `arg:"" help:"Its id."`
}

type enableCmd[N noun] struct {
	edit
	ID string `arg:"" help:"Its id."`
}

// Run switches one off.
func (c *disableCmd[N]) Run(ctx context.Context, w world) error {
	var n N
	return c.state(ctx, w, objectPath(n, c.ID), "disabled")
}

// Run switches one on.
func (c *enableCmd[N]) Run(ctx context.Context, w world) error {
	var n N
	return c.state(ctx, w, objectPath(n, c.ID), "enabled")
}

// state changes the state of an object.
func (e *edit) state(ctx context.Context, w world, path, state string) error {
	body, err := json.Marshal(map[string]string{"state": state})
	if err != nil {
		return err
	}
	return e.send(ctx, w, message{method: http.MethodPatch, path: path, body: body})
}

// output is how results are printed.
type output struct {
	Output string `short:"o" help:"text or json." default:"text" enum:"text,json"`
}

// edit is what every change may say.
type edit struct {
	remote
	output
	IfVersion uint64 `help:"Only if the object still has this version." placeholder:"N"`
	DryRun    bool   `help:"Only show what would change."`
}

type listCmd[N noun] struct {
	remote
	output
	Holder string `help:"Only those of this tenant, or provider." placeholder:"NAME"`
}

type showCmd[N noun] struct {
	remote
	output
	ID string `arg:"" help:"Its id: NAME, or HOLDER/NAME of what a tenant or provider holds."`
	At string `help:"As it was at this time (RFC 3339 or a date in UTC)." placeholder:"TIME"`
}

type createCmd[N noun] struct {
	edit
	Holder string `help:"The tenant, or the provider of a credential." placeholder:"NAME"`
	File   string `short:"f" required:"" help:"What it is like: a JSON object with the words of hub.yaml; - reads the standard input." placeholder:"FILE"`
}

type updateCmd[N noun] struct {
	edit
	ID   string `arg:"" help:"Its id: NAME, or HOLDER/NAME of what a tenant or provider holds."`
	File string `short:"f" required:"" help:"What changes: a JSON object with the words of hub.yaml; null removes; - reads the standard input." placeholder:"FILE"`
}

type deleteCmd[N noun] struct {
	edit
	ID string `arg:"" help:"Its id: NAME, or HOLDER/NAME of what a tenant or provider holds."`
}

// Run prints every page.
func (c *listCmd[N]) Run(ctx context.Context, w world) error {
	var n N
	all, err := c.views(ctx, w, n, c.Holder)
	if err != nil {
		return err
	}
	return c.print(w.out, all)
}

// views are all objects of a sort.
func (r *remote) views(ctx context.Context, w world, n noun, holder string) ([]control.View, error) {
	if holder != "" && n.holder() == "" {
		return nil, usageError{fmt.Errorf("--holder: nobody holds %s", n.path())}
	}
	all, q := []control.View{}, url.Values{}
	set(q, n.holder(), holder)
	for {
		var page admin.Page
		err := r.look(ctx, w, apiBase+n.path(), q, func(body io.Reader) error { return json.NewDecoder(body).Decode(&page) })
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		q.Set("after", page.Next)
	}
}

func (o output) print(w io.Writer, all []control.View) error {
	if o.Output == "json" {
		raw, err := json.Marshal(all)
		if err != nil {
			return err
		}
		return printJSON(w, raw)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tORIGIN\tVERSION\tSPEC")
	for _, v := range all {
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\n", idOf(v), v.Origin, v.Version, v.Spec)
	}
	return t.Flush()
}

// idOf is what commands call an object by.
func idOf(v control.View) string {
	if v.Tenant == "_" || string(v.Tenant) == v.ID {
		return v.ID
	}
	return string(v.Tenant) + "/" + v.ID
}

// Run prints one.
func (c *showCmd[N]) Run(ctx context.Context, w world) error {
	var n N
	q := url.Values{}
	set(q, "at", c.At)
	return c.show(ctx, w, objectPath(n, c.ID), q)
}

func (r *remote) show(ctx context.Context, w world, path string, q url.Values) error {
	return r.look(ctx, w, path, q, func(body io.Reader) error {
		raw, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		return printJSON(w.out, raw)
	})
}

// Run creates one.
func (c *createCmd[N]) Run(ctx context.Context, w world) error {
	var n N
	q := url.Values{}
	if n.holder() != "" {
		if c.Holder == "" {
			return usageError{fmt.Errorf("--holder: name the %s", n.holder())}
		}
		q.Set(n.holder(), c.Holder)
	}
	body, err := readBody(w, c.File)
	if err != nil {
		return err
	}
	return c.send(ctx, w, message{method: http.MethodPost, path: apiBase + n.path(), query: q, body: body})
}

// Run changes one.
func (c *updateCmd[N]) Run(ctx context.Context, w world) error {
	var n N
	body, err := readBody(w, c.File)
	if err != nil {
		return err
	}
	return c.send(ctx, w, message{method: http.MethodPatch, path: objectPath(n, c.ID), body: body})
}

// Run removes one.
func (c *deleteCmd[N]) Run(ctx context.Context, w world) error {
	var n N
	return c.send(ctx, w, message{method: http.MethodDelete, path: objectPath(n, c.ID)})
}

func readBody(w world, file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(w.in)
	}
	body, err := os.ReadFile(file)
	if err != nil {
		return nil, usageError{fmt.Errorf("--file: %w", err)}
	}
	return body, nil
}

// send gives a command and prints what became of it.
func (e *edit) send(ctx context.Context, w world, m message) error {
	if m.query == nil {
		m.query = url.Values{}
	}
	m.logOnly = true
	if e.DryRun {
		m.query.Set("dry_run", "true")
	}
	if e.IfVersion > 0 {
		m.match = strconv.Quote(strconv.FormatUint(e.IfVersion, 10))
	}
	return e.exchange(ctx, w, m, func(body io.Reader) error {
		raw, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		if e.Output == "json" {
			return printJSON(w.out, raw)
		}
		var done admin.ObjectAnswer
		if err := json.Unmarshal(raw, &done); err != nil {
			return fmt.Errorf("answer %q: %w", raw, err)
		}
		return printApplied(w.out, admin.Applied{Outcome: control.Outcome{Seq: done.Seq, Changes: done.Changes}, Keys: done.Keys}, e.DryRun)
	})
}
