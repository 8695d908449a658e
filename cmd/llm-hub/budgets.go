package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// usedBy reads the counters of a scope: one, or one for each partition.
func (h *localHub) usedBy(ctx context.Context, s accounting.Scope) ([]accounting.Counter, error) {
	partitions := projector.AllPartitions()
	if !s.Sharded() {
		tenant, _, _ := strings.Cut(s.ID, "/")
		partitions = []events.Partition{events.PartitionOf(events.TenantID(tenant))}
	}
	var out []accounting.Counter
	for _, p := range partitions {
		key := events.CounterKey(p, string(s.Kind), s.ID)
		entry, err := h.stores.log.Get(ctx, key)
		if err != nil {
			return nil, toOperator(err)
		}
		if entry.Value == nil {
			continue
		}
		var c accounting.Counter
		if err := json.Unmarshal(entry.Value, &c); err != nil {
			return nil, toOperator(fmt.Errorf("counter %s: %w", key, err))
		}
		out = append(out, c)
	}
	return out, nil
}
