package main

import (
	"context"
	"fmt"
	"io"

	"github.com/llm-hub/llm-hub/gateway/admin"
)

type verifyReport struct{ OK bool }

func (r verifyReport) print(w io.Writer) error { _, err := fmt.Fprintln(w, "ok"); return err }

func (h *localHub) verify(ctx context.Context, report func(any) error) (any, error) {
	return verifyReport{OK: true}, nil
}

func (h *localHub) rebuild(ctx context.Context, q admin.RebuildQuery, report func(any) error) (any, error) {
	return nil, nil
}
