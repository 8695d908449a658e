package logtest

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/llm-hub/llm-hub/events"
)

func deadOnce(s *suite) {
	for range 2 {
		if err := s.log.Dead(s.ctx, 3, "n1.e.03.7/2", "not\r\nJSON", []byte("{broken\n")); err != nil {
			s.Fatal(err)
		}
	}
	if err := s.log.Dead(s.ctx, 15, "n1.e.15.1/0", "no such kind", []byte("{}")); err != nil {
		s.Fatal(err)
	}
	got, err := s.log.DeadLetters(s.ctx, 0, 10)
	if err != nil {
		s.Fatal(err)
	}
	want := []events.DeadLetter{
		{Seq: 1, Partition: 3, ID: "n1.e.03.7/2", Reason: "not JSON", Raw: []byte("{broken\n")},
		{Seq: 2, Partition: 15, ID: "n1.e.15.1/0", Reason: "no such kind", Raw: []byte("{}")},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(events.DeadLetter{}, "Time")); diff != "" {
		s.Error(diff)
	}
}

func deadPages(s *suite) {
	const n = 7
	for i := range n {
		if err := s.log.Dead(s.ctx, 0, fmt.Sprint(i), "reason", []byte("x")); err != nil {
			s.Fatal(err)
		}
	}
	var ids []string
	for from := uint64(1); ; {
		page, err := s.log.DeadLetters(s.ctx, from, 3)
		if err != nil {
			s.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, d := range page {
			ids = append(ids, d.ID)
		}
		from = page[len(page)-1].Seq + 1
	}
	if diff := cmp.Diff([]string{"0", "1", "2", "3", "4", "5", "6"}, ids); diff != "" {
		s.Error(diff)
	}
}

func controlBegins(s *suite) {
	cs, err := s.log.Commands(s.ctx, 1, 10)
	if err != nil || len(cs) != 1 {
		s.Fatalf("%d commands, %v", len(cs), err)
	}
	es, err := cs[0].Events()
	if err != nil || len(es) != 1 {
		s.Fatalf("%d events, %v", len(es), err)
	}
	body, err := events.As[events.HubCreated](es[0])
	if err != nil {
		s.Fatal(err)
	}
	if cs[0].Seq != 1 || cs[0].Prev != "" || body.Partitions != events.Partitions {
		s.Errorf("%+v says %+v", cs[0], body)
	}
}

func (s *suite) command(n int) events.Command {
	s.Helper()
	e, err := events.New(events.Head{At: time.Now(), Node: "n1", Tenant: "acme", N: n}, events.HubCreated{Partitions: n})
	if err != nil {
		s.Fatal(err)
	}
	c, err := events.NewCommand(e, e)
	if err != nil {
		s.Fatal(err)
	}
	return c
}

func controlChain(s *suite) {
	for n := range uint64(3) {
		seq, err := s.log.AppendControl(s.ctx, n+1, s.command(int(n)))
		if err != nil || seq != n+2 {
			s.Fatalf("sequence %d, %v", seq, err)
		}
	}
	cs, err := s.log.Commands(s.ctx, 0, 10)
	if err != nil || len(cs) != 4 {
		s.Fatalf("%d commands, %v", len(cs), err)
	}
	for i, c := range cs[1:] {
		if c.Prev != cs[i].Hash() {
			s.Errorf("command %d: chained to %q, not %q", c.Seq, c.Prev, cs[i].Hash())
		}
		if diff := cmp.Diff(string(s.command(i).Data[:40]), string(c.Data[:40])); diff != "" {
			s.Error(diff)
		}
	}
	if cs, err = s.log.Commands(s.ctx, 3, 1); err != nil || len(cs) != 1 || cs[0].Seq != 3 {
		s.Errorf("one command from 3: %+v, %v", cs, err)
	}
}

func controlConflict(s *suite) {
	for _, after := range []uint64{0, 2, 100} {
		if _, err := s.log.AppendControl(s.ctx, after, s.command(1)); !errors.Is(err, events.ErrConflict) {
			s.Errorf("after %d: %v", after, err)
		}
	}
	if _, err := s.log.AppendControl(s.ctx, 1, events.Command{}); err == nil {
		s.Error("an empty command: no error")
	}
	if cs, err := s.log.Commands(s.ctx, 1, 10); err != nil || len(cs) != 1 {
		s.Errorf("%d commands, %v", len(cs), err)
	}
}

func controlFollowed(s *suite) {
	info, err := s.log.ControlInfo(s.ctx)
	if err != nil || info.First != 1 || info.Last != 1 || info.Created.IsZero() {
		s.Errorf("a new control stream: %+v, %v", info, err)
	}
	c, err := s.log.FollowControl(s.ctx, 2)
	if err != nil {
		s.Fatal(err)
	}
	defer c.Close()
	for n := range uint64(2) {
		if _, err := s.log.AppendControl(s.ctx, n+1, s.command(int(n))); err != nil {
			s.Fatal(err)
		}
		if m := s.next(c); m.Seq != n+2 || len(m.Data) == 0 {
			s.Errorf("followed %d with %d bytes", m.Seq, len(m.Data))
		}
	}
	again, err := s.log.ControlInfo(s.ctx)
	if err != nil || again.Last != 3 || !again.Created.Equal(info.Created) {
		s.Errorf("after two commands: %+v, %v", again, err)
	}
	s.log.Close()
	if rest := s.rest(c); len(rest) != 0 || c.Err() == nil {
		s.Errorf("after Close: %d commands, %v", len(rest), c.Err())
	}
}

// maxSkew is more than the clock of a log on this machine differs from ours: what
// an answer may take when the machine is busy.
const maxSkew = 20 * time.Second

func health(s *suite) {
	if d, err := s.log.Skew(s.ctx); err != nil || d.Abs() > maxSkew {
		s.Errorf("skew %s, %v", d, err)
	}
	if err := s.log.Healthy(s.ctx); err != nil {
		s.Error(err)
	}
	s.log.Close()
	if err := s.log.Healthy(s.ctx); !errors.Is(err, events.ErrClosed) {
		s.Errorf("after Close: %v", err)
	}
}
