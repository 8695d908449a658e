package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/summaries"
)

// summarize publishes how targets did, for the gateways.
func (a *app) summarize(ctx context.Context) error {
	p, err := summaries.New(summaries.Config{Log: a.stores.log, Bucket: a.stores.log.Nodes(), Now: time.Now, Logger: a.log})
	if err != nil {
		return err
	}
	a.background(ctx, "summaries of targets", p.Run)
	return nil
}

// summaries reads how targets did.
func (h *localHub) summaries(ctx context.Context) (s events.Summaries, err error) {
	entry, err := h.stores.log.Nodes().Get(ctx, events.SummariesKey)
	if err != nil || entry.Value == nil {
		return s, toOperator(err)
	}
	if err := json.Unmarshal(entry.Value, &s); err != nil {
		return s, toOperator(fmt.Errorf("summaries of targets: %w", err))
	}
	return s, nil
}
