package vault

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// IDs are the ids of the master keys, in their order. An id tells nothing of its key.
func (k *Keys) IDs() ([]string, error) {
	keys, err := k.all()
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(keys))
	for i, key := range keys {
		ids[i] = key.id
	}
	return ids, nil
}

// MasterKeys are the ids of the master keys by which the keyring is wrapped.
func (v *Vault) MasterKeys(ctx context.Context) ([]string, error) {
	list, err := v.ring.List(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	ids := []string{}
	for _, e := range list {
		var w wrapped
		if err := json.Unmarshal(e.Value, &w); err != nil {
			return nil, fmt.Errorf("data key %s: %w", e.Key, err)
		}
		if !slices.Contains(ids, w.Master) {
			ids = append(ids, w.Master)
		}
	}
	slices.Sort(ids)
	return ids, nil
}
