package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/projector/query"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// TestQueryError: who asks is told whether the question, the moment or the store is to
// blame, and nothing of the store's own words.
func TestQueryError(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want gateway.Error
	}{
		"question": {fmt.Errorf("usage: %w", &query.InvalidError{Field: "from", Reason: "is not before to"}),
			gateway.Error{Kind: gateway.Invalid, Param: "from", Public: "Parameter from: is not before to."}},
		"too much": {fmt.Errorf("usage: %w", query.ErrTooLarge), gateway.Error{Kind: gateway.Invalid}},
		"at once":  {query.ErrBusy, gateway.Error{Kind: gateway.Unavailable, RetryAfter: time.Second}},
		"too early": {fmt.Errorf("usage: %w", tables.ErrNoTables), gateway.Error{Kind: gateway.Unavailable, RetryAfter: time.Second,
			Public: "The tables are not made yet: a projector makes them when it starts."}},
		"store": {errors.New("dial tcp 10.0.0.1: refused"), gateway.Error{Kind: gateway.Unavailable, Public: "The tables do not answer."}},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := errors.AsType[*gateway.Error](queryError(tc.err))
			if !ok {
				t.Fatal("not an error of the gateway's kinds")
			}
			if tc.want.Public == "" {
				tc.want.Public = got.Public
			}
			if got.Kind != tc.want.Kind || got.Param != tc.want.Param || got.RetryAfter != tc.want.RetryAfter || got.Public != tc.want.Public || got.Public == "" {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
}
