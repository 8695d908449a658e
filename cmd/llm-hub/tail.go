package main

import (
	"context"
	"errors"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/projector/tail"
)

// tail follows the log for people.
func (h *localHub) tail(ctx context.Context, f admin.TrafficFilter, after admin.Place, emit func(admin.Place, any) error) error {
	err := tail.Follow(ctx, h.stores.whole, filterOf(f), accounting.Position(after), func(r tail.Row) error {
		return emit(admin.Place(r.At), r)
	})
	if trimmed, ok := errors.AsType[*tail.TrimmedError](err); ok {
		return &gateway.Error{Kind: gateway.Invalid, Param: "after", Public: trimmed.Error(), Cause: err}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return toOperator(err)
}
