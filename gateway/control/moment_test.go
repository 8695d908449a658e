package control_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// TestMoment: the configuration of an instant is what a node that lived then had in
// force, to the byte; of a tenant that is gone all but what told of people.
func TestMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.node()
		type said struct {
			at      time.Time
			tenants int
			views   []control.View
			users   []control.View
		}
		say := func() said {
			now := p.Now()
			s := said{at: time.Now(), tenants: len(p.Live().Current().Tenants)}
			for _, sort := range events.Sorts() {
				views, err := now.Views(sort, "")
				if err != nil {
					t.Fatal(err)
				}
				if sort == events.UserSort {
					s.users = views
					continue
				}
				s.views = append(s.views, views...)
			}
			<-time.After(time.Minute) // of the test's own clock
			return s
		}
		history := []said{say()}
		w.apply(p, w.full())
		history = append(history, say())
		key := control.Ref{Sort: events.KeySort, Tenant: "acme", ID: "ci"}
		if _, err := p.Do(t.Context(), w.by(control.OriginAPI), func(d *control.Draft) error { return d.Patch(key, nil, []byte(`{"state": "paused"}`)) }); err != nil {
			t.Fatal(err)
		}
		history = append(history, say())
		gone := control.Ref{Sort: events.TenantSort, Tenant: "acme", ID: "acme"}
		leave := func(d *control.Draft) error {
			settings := control.Ref{Sort: events.SettingsSort, Tenant: events.NoTenant, ID: "hub"}
			return errors.Join(d.Patch(settings, nil, []byte(`{"join": null, "registration": "closed"}`)), d.Remove(gone, nil))
		}
		if _, err := p.Do(t.Context(), w.by(control.OriginAPI), leave); err != nil {
			t.Fatal(err)
		}
		history = append(history, say())
		for i, s := range history {
			then, err := p.At(t.Context(), s.at)
			if err != nil {
				t.Fatal(err)
			}
			catalog, err := then.Catalog(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var views []control.View
			for _, sort := range events.Sorts() {
				of, err := then.Views(sort, "")
				if err != nil {
					t.Fatal(err)
				}
				if sort != events.UserSort {
					views = append(views, of...)
					continue
				}
				if len(of) != len(s.users) {
					t.Errorf("instant %d has %d users, not %d", i, len(of), len(s.users))
				}
				for _, u := range of {
					if u.Tenant == "acme" && !strings.Contains(string(u.Spec), `"email":"sealed:destroyed/`+u.ID) {
						t.Errorf("instant %d: of a tenant that is gone %s", i, u.Spec)
					}
				}
			}
			if diff := cmp.Diff(s.views, views); diff != "" {
				t.Errorf("instant %d (-said +folded):\n%s", i, diff)
			}
			if len(catalog.Tenants) != s.tenants {
				t.Errorf("instant %d has %d tenants in force, had %d", i, len(catalog.Tenants), s.tenants)
			}
			if _, err := then.Export(t.Context()); err != nil {
				t.Errorf("instant %d cannot be exported: %v", i, err)
			}
		}
	})
}
