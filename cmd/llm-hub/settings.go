package main

import (
	"context"
	"net/http"
)

type settingsCmd struct {
	Show   settingsShowCmd   `cmd:"" help:"Show them."`
	Update settingsUpdateCmd `cmd:"" help:"Change them."`
}

type settingsShowCmd struct{ remote }

type settingsUpdateCmd struct {
	edit
	File string `short:"f" required:"" help:"What changes: a JSON object with the words of hub.yaml; null removes; - reads the standard input." placeholder:"FILE"`
}

// Run prints the settings.
func (c *settingsShowCmd) Run(ctx context.Context, w world) error {
	return c.show(ctx, w, apiBase+"settings", nil)
}

// Run changes settings.
func (c *settingsUpdateCmd) Run(ctx context.Context, w world) error {
	body, err := readBody(w, c.File)
	if err != nil {
		return err
	}
	return c.send(ctx, w, message{method: http.MethodPatch, path: apiBase + "settings", body: body})
}
