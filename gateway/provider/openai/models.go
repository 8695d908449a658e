package openai

import (
	"encoding/json"
	"fmt"
	"time"
)

// Model is an entry of the models list.
type Model struct {
	ID      string    // logical model
	Created time.Time // since when it is offered
	OwnedBy string
}

type wireModel struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"` // s since 1970
	OwnedBy string `json:"owned_by"`
}

// Models is the body of GET /v1/models, in the given order.
func Models(models []Model) ([]byte, error) {
	list := struct {
		Object string      `json:"object"`
		Data   []wireModel `json:"data"`
	}{Object: "list", Data: make([]wireModel, len(models))}
	for i, m := range models {
		list.Data[i] = wireModel{ID: m.ID, Object: "model", Created: m.Created.Unix(), OwnedBy: m.OwnedBy}
	}
	body, err := json.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("models list: %w", err)
	}
	return body, nil
}
