package api

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// keyView is what a virtual key may know of itself.
type keyView struct {
	Object    string          `json:"object"` // key
	Tenant    events.TenantID `json:"tenant"`
	Name      string          `json:"name"`
	ID        string          `json:"id,omitempty"` // public part of a generated key
	User      string          `json:"user,omitempty"`
	Team      string          `json:"team,omitempty"`
	State     string          `json:"state"`
	Expires   *time.Time      `json:"expires"`   // null: never
	Models    []string        `json:"models"`    // it may use; null: all
	Endpoints []string        `json:"endpoints"` // it may use; null: all
	Addresses []string        `json:"addresses"` // it may be used from; null: all
	Tags      []string        `json:"tags"`
	Limits    []limitView     `json:"limits"`
	LastUsed  *time.Time      `json:"last_used"` // minute of the last admitted request, by the fold of the log; null: never
}

// limitView is a limit of the key itself.
type limitView struct {
	Per  accounting.Per  `json:"per,omitempty"`
	Of   accounting.Of   `json:"of"`
	Max  int64           `json:"max"` // nano-USD of cost
	Mode accounting.Mode `json:"mode"`
}

// key is GET /v1/key: the key that the request was made with.
func (a *API) key(c echo.Context) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	k := who.key
	view := keyView{
		Object: "key", Tenant: k.Tenant.ID, Name: k.Name, ID: k.ID, State: k.State, Tags: append([]string{}, k.Tags...),
		Models: names(k.Models), Endpoints: names(k.Endpoints), Limits: []limitView{},
		LastUsed: a.cfg.LastUsed(c.Request().Context(), k),
	}
	if k.User != nil {
		view.User = k.User.ID
	}
	if k.Team != nil {
		view.Team = k.Team.Name
	}
	if !k.Expires.IsZero() {
		view.Expires = &k.Expires
	}
	for _, p := range k.Addresses {
		view.Addresses = append(view.Addresses, p.String())
	}
	for _, l := range k.Limits {
		view.Limits = append(view.Limits, limitView{Per: l.Per, Of: l.Of, Max: l.Max, Mode: l.Mode})
	}
	return c.JSON(http.StatusOK, view)
}

// names are those of an allow-list, nil if there is none.
func names(list map[string]bool) []string {
	if list == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(list))
}
