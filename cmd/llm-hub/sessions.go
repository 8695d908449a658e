package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	wire "github.com/llm-hub/llm-hub/client"
)

// accountSessionsCmd lists the sessions of whoever asks, by a personal token.
type accountSessionsCmd struct {
	remote
	output
}

// accountSignOutCmd ends some of them.
type accountSignOutCmd struct {
	remote
	ID  string `arg:"" optional:"" help:"Id of the session."`
	All bool   `help:"Every session."`
}

const sessionsPath = apiBase + "account/sessions"

// Run prints the sessions.
func (c *accountSessionsCmd) Run(ctx context.Context, w world) error {
	var list wire.OpenSessions
	return c.exchangeJSON(ctx, w, c.output, message{method: http.MethodGet, path: sessionsPath}, &list, func() {
		t := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "ID\tTENANT\tCREATED\tSEEN\tENDS\tFROM\tAGENT")
		for _, s := range list.Items {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.ID, s.Tenant, s.Created.Format(time.RFC3339), s.Seen.Format(time.RFC3339), s.Ends.Format(time.RFC3339), s.From, s.Agent)
		}
		_ = t.Flush() // a terminal that is gone misses nothing
	})
}

// Run ends the session, or all.
func (c *accountSignOutCmd) Run(ctx context.Context, w world) error {
	path := sessionsPath
	switch {
	case c.All == (c.ID != ""):
		return usageError{errors.New("--all: say which session, or --all")}
	case c.ID != "":
		path += "/" + url.PathEscape(c.ID)
	}
	return c.exchangeJSON(ctx, w, output{}, message{method: http.MethodDelete, path: path}, nil, nil)
}
