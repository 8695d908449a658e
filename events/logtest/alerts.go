package logtest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
)

// alert makes the n-th alert.
func (s *suite) alert(n int) events.Event {
	s.Helper()
	e, err := events.New(events.Head{At: time.Now(), Node: "n1", Tenant: events.NoTenant, N: n},
		events.AlertRaised{Name: events.DriftAlert, Subject: "counters", Text: fmt.Sprintf("alert %d", n)})
	if err != nil {
		s.Fatal(err)
	}
	return e
}

// raise raises alert n under an id, and checks whether it is the first of it.
func (s *suite) raise(id string, n int, first bool) {
	s.Helper()
	raised, err := s.log.RaiseAlert(s.ctx, id, s.alert(n))
	if err != nil || raised != first {
		s.Fatalf("alert %q: raised %t, want %t; %v", id, raised, first, err)
	}
}

// text is what alert m says.
func (s *suite) text(m events.Stored) string {
	s.Helper()
	lines, err := m.Lines()
	if err != nil || len(lines) != 1 {
		s.Fatalf("%d lines, %v", len(lines), err)
	}
	e, err := events.Decode(lines[0])
	if err != nil {
		s.Fatal(err)
	}
	body, err := events.As[events.AlertRaised](e)
	if err != nil {
		s.Fatal(err)
	}
	return body.Text
}

func alertsOnce(s *suite) {
	const rivals = 6
	s.raise("limit.key.acme/ci.80", 1, true)
	s.raise("limit.key.acme/ci.80", 2, false)
	s.raise("any text: \"*\" and > too", 3, true)
	var won atomic.Int32
	var wg sync.WaitGroup
	for n := range rivals {
		wg.Go(func() {
			raised, err := s.log.RaiseAlert(s.ctx, "contested", s.alert(10+n))
			if err != nil {
				s.Error(err)
			}
			if raised {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	if n := won.Load(); n != 1 {
		s.Errorf("%d of %d rivals raised the alert", n, rivals)
	}
	got, err := s.log.Alerts(s.ctx, 0, 10)
	if err != nil || len(got) != 3 {
		s.Fatalf("%d alerts, %v", len(got), err)
	}
	if s.text(got[0]) != "alert 1" || s.text(got[1]) != "alert 3" {
		s.Errorf("%q, %q", s.text(got[0]), s.text(got[1]))
	}
	if age := time.Since(got[0].Time); age < -time.Minute || age > time.Minute {
		s.Errorf("raised %s ago", age)
	}
}

func alertsPages(s *suite) {
	const n = 7
	var want, got []string
	for i := range n {
		s.raise(fmt.Sprint(i), i, true)
		want = append(want, fmt.Sprintf("alert %d", i))
	}
	for from := uint64(1); ; {
		page, err := s.log.Alerts(s.ctx, from, 3)
		if err != nil {
			s.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, m := range page {
			got = append(got, s.text(m))
		}
		from = page[len(page)-1].Seq + 1
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Error(diff)
	}
}

func alertsFollowed(s *suite) {
	s.raise("a", 1, true)
	s.raise("b", 2, true)
	c, err := s.log.FollowAlerts(s.ctx, 2)
	if err != nil {
		s.Fatal(err)
	}
	defer c.Close()
	if m := s.next(c); m.Seq != 2 || s.text(m) != "alert 2" {
		s.Errorf("%d: %s", m.Seq, s.text(m))
	}
	s.raise("a", 3, false)
	s.raise("c", 4, true)
	if m := s.next(c); m.Seq != 3 || s.text(m) != "alert 4" {
		s.Errorf("%d: %s", m.Seq, s.text(m))
	}
	s.log.Close()
	if rest := s.rest(c); len(rest) != 0 || c.Err() == nil {
		s.Errorf("after Close: %d alerts, %v", len(rest), c.Err())
	}
}
