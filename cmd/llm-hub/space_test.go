package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/events"
)

func TestSpaceWatch(t *testing.T) {
	const mib = 1 << 20
	tests := map[string]struct {
		used, limit uint64
		err         error
		health      error
		alarm       bool
		admits      bool
	}{
		"no bound":         {used: 1 << 40, admits: true},
		"empty":            {limit: 1000 * mib, admits: true},
		"below the alarm":  {used: 799 * mib, limit: 1000 * mib, admits: true},
		"alarm":            {used: 800 * mib, limit: 1000 * mib, alarm: true, admits: true},
		"only the reserve": {used: 937 * mib, limit: 1000 * mib, alarm: true},
		"disk full":        {limit: 1000 * mib, health: fmt.Errorf("log: %w", events.ErrFull)},
		"log away":         {limit: 1000 * mib, health: events.ErrUnavailable, admits: true},
		"no answer":        {used: 937 * mib, limit: 1000 * mib, err: errors.New("away"), admits: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			s := &spaceWatch{
				space:   func(context.Context) (uint64, uint64, error) { return tc.used, tc.limit, tc.err },
				healthy: func(context.Context) error { return tc.health },
				log:     slog.New(slog.NewTextHandler(&out, nil)),
			}
			s.look(t.Context())
			s.look(t.Context())
			if got := s.alarm(); got != tc.alarm {
				t.Errorf("alarm %v, want %v", got, tc.alarm)
			}
			if err := s.admit(); (err == nil) != tc.admits {
				t.Errorf("admits: %v, want %v", err, tc.admits)
			}
			if n := strings.Count(out.String(), "nearly full"); (n == 1) != tc.alarm {
				t.Errorf("told %d times", n)
			}
		})
	}
}
