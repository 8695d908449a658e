package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
)

type limitsCmd struct {
	List   limitsListCmd   `cmd:"" help:"List every limit."`
	Set    limitsSetCmd    `cmd:"" help:"Give an object these limits and no others. Usage is kept."`
	Remove limitsRemoveCmd `cmd:"" help:"Take every limit from an object."`
}

type limitsListCmd struct {
	remote
	output
}

type limitsRemoveCmd struct {
	edit
	Sort string `arg:"" help:"tenants, users, teams, keys, models or credentials." enum:"tenants,users,teams,keys,models,credentials"`
	ID   string `arg:"" help:"Its id: NAME, or HOLDER/NAME of what a tenant or provider holds."`
}

// Run takes the limits away.
func (c *limitsRemoveCmd) Run(ctx context.Context, w world) error {
	return (&limitsSetCmd{edit: c.edit, Sort: c.Sort, ID: c.ID}).Run(ctx, w)
}

// limitOf is a limit and whose it is.
type limitOf struct {
	Sort  string          `json:"sort"`
	ID    string          `json:"id"`
	Limit json.RawMessage `json:"limit"`
}

type limitsSetCmd struct {
	edit
	Sort  string   `arg:"" help:"tenants, users, teams, keys, models or credentials." enum:"tenants,users,teams,keys,models,credentials"`
	ID    string   `arg:"" help:"Its id: NAME, or HOLDER/NAME of what a tenant or provider holds."`
	Limit []string `help:"Like per=month,cost_usd=500,mode=soft. None: no limits." sep:"none" placeholder:"LIMIT"`
}

// Run prints every limit and whose it is.
func (c *limitsListCmd) Run(ctx context.Context, w world) error {
	limits := []limitOf{}
	for _, n := range []noun{tenants{}, users{}, teams{}, keys{}, models{}, credentials{}} {
		all, err := c.views(ctx, w, n, "")
		if err != nil {
			return err
		}
		for _, v := range all {
			var spec struct{ Limits []json.RawMessage }
			if err := json.Unmarshal(v.Spec, &spec); err != nil {
				return err
			}
			for _, l := range spec.Limits {
				limits = append(limits, limitOf{n.path(), idOf(v), l})
			}
		}
	}
	if c.Output == "json" {
		raw, err := json.Marshal(limits)
		if err != nil {
			return err
		}
		return printJSON(w.out, raw)
	}
	t := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SORT\tID\tLIMIT")
	for _, l := range limits {
		fmt.Fprintf(t, "%s\t%s\t%s\n", l.Sort, l.ID, l.Limit)
	}
	return t.Flush()
}

// Run replaces the limits of an object.
func (c *limitsSetCmd) Run(ctx context.Context, w world) error {
	limits := make([]map[string]any, len(c.Limit))
	for i, text := range c.Limit {
		var err error
		if limits[i], err = parseLimit(text); err != nil {
			return usageError{err}
		}
	}
	body, err := json.Marshal(map[string]any{"limits": limits})
	if err != nil {
		return err
	}
	path := apiBase + c.Sort + "/" + strings.ReplaceAll(url.PathEscape(c.ID), "%2F", "/")
	return c.send(ctx, w, message{method: http.MethodPatch, path: path, body: body})
}

// parseLimit reads per=minute,requests=60: words of hub.yaml. Whether they make a
// limit the hub says.
func parseLimit(text string) (map[string]any, error) {
	limit := map[string]any{}
	for pair := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" || value == "" {
			return nil, fmt.Errorf("--limit: %q is not like per=minute,requests=60", text)
		}
		limit[key] = value
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && key != "cost_usd" {
			limit[key] = n
		}
	}
	return limit, nil
}
