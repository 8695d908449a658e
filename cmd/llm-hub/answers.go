package main

import "github.com/llm-hub/llm-hub/gateway/conversation"

// answers makes the store of what requests may go on from.
func (a *app) answers() (*conversation.Store, error) {
	store, err := conversation.New(conversation.Config{Bucket: a.stores.log.Answers(), Vault: a.plane.Vault(), Logger: a.log})
	if err != nil {
		return nil, err
	}
	gauge(a.registry, "answers_lost", "Answers that could not be kept for requests to go on from, since the start.",
		func() float64 { return float64(store.Lost()) })
	return store, nil
}
