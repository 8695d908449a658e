package main_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// outage is one way for the log to be out of reach, for a while.
type outage struct {
	how    string
	length time.Duration
}

// outages in every run, and in the long campaign.
func outages() []outage {
	short := []outage{{stopped, 3 * time.Second}, {killed, 3 * time.Second}}
	var long []outage
	for _, length := range []time.Duration{time.Second, 10 * time.Second, time.Minute} {
		long = append(long, outage{stopped, length}, outage{killed, length})
	}
	return sized(short, long)
}

const (
	stopped = "stopped" // the servers are there and say nothing
	killed  = "killed"
)

// TestOutage takes all NATS servers away under load. Who has no hard limit is served
// as before, from the outbox; who has one is served while the leases last, and is
// then told to come again. When the servers are back the outbox drains, everybody
// is served, and the books are exact.
func TestOutage(t *testing.T) {
	t.Parallel()
	rng := campaignRand(t)
	f := startFleet(t, "delay=1ms",
		tenantDoc{name: "free"},
		tenantDoc{name: "soft", limits: []string{"{per: month, requests: 1, mode: soft}"}},
		tenantDoc{name: "hard", limits: []string{`{per: month, cost_usd: "1000"}`}},
	)
	gateways := []*node{f.add("gateway"), f.add("gateway")}
	projector := f.add("projector")
	f.ready()
	c := gather(6, rng.Uint64(), &crowd{
		gateways: gateways, tenants: []string{"free", "soft", "hard"}, models: []string{"fake-openai", "fake-anthropic", "fake-gemini"},
	})
	f.served(c, "at first")
	for _, o := range outages() {
		f.endure(c, o)
	}
	replies := c.disperse()
	f.outboxesDrain(gateways)
	f.checkBooks(replies, projector)
}

// served waits until every tenant of the crowd is.
func (f *fleet) served(c *crowd, when string) {
	f.t.Helper()
	begin := time.Now()
	eventually(f.t, settleTimeout, "all are served "+when, func() error {
		for _, tenant := range c.tenants {
			if n := complete(c.since(begin), tenant); n < 5 {
				return fmt.Errorf("tenant %s: %d answers", tenant, n)
			}
		}
		return nil
	})
}

// endure makes an outage and checks what the crowd got meanwhile.
func (f *fleet) endure(c *crowd, o outage) {
	f.t.Helper()
	begin := time.Now()
	for i := range f.nats.Nodes() {
		if o.how == stopped {
			f.nats.Pause(i)
		} else {
			f.nats.Kill(i)
		}
	}
	<-time.After(o.length)
	what := fmt.Sprintf("%s for %s", o.how, o.length)
	f.bears(c, begin, o, what)
	meanwhile := c.since(begin)
	f.nats.Revive()
	f.served(c, "after the outage")
	refused := f.checkReplies(c.since(begin), what)
	f.t.Logf("%s: %d answers meanwhile, %d of them under a hard limit; %d refused", what, complete(meanwhile), complete(meanwhile, "hard"), refused)
}

// bears waits until the outage has shown what it is for: who has no hard limit is
// served, and who has one is not, once his lease has lapsed.
func (f *fleet) bears(c *crowd, begin time.Time, o outage, what string) {
	f.t.Helper()
	eventually(f.t, settleTimeout, what, func() error {
		replies, refused := c.since(begin), 0
		for _, r := range replies {
			if !r.complete && r.tenant == "hard" {
				refused++
			}
		}
		for _, tenant := range []string{"free", "soft"} {
			if complete(replies, tenant) == 0 {
				return fmt.Errorf("tenant %s is not served", tenant)
			}
		}
		if refused == 0 && o.length > time.Second { // a lease is good for a second
			return errors.New("the hard limit does not fail closed")
		}
		return nil
	})
}

// checkReplies: without a hard limit all are whole answers, with one a refusal
// says when to come again.
func (f *fleet) checkReplies(replies []reply, when string) (refused int) {
	f.t.Helper()
	for _, r := range replies {
		switch {
		case r.complete:
		case r.tenant == "hard" && r.status == http.StatusServiceUnavailable && r.header.Get("Retry-After") != "":
			refused++
		default:
			f.t.Errorf("%s: tenant %s got status %d, Retry-After %q: %s", when, r.tenant, r.status, r.header.Get("Retry-After"), r.body)
		}
	}
	return refused
}

// outboxesDrain waits until no outbox holds anything.
func (f *fleet) outboxesDrain(gateways []*node) {
	f.t.Helper()
	for _, n := range gateways {
		h := n.hub.Load()
		eventually(f.t, settleTimeout, "the outbox is drained", func() error {
			return h.metric("llmhub_outbox_messages", 0)
		})
	}
}

// metric fails unless the metric, named with its labels, has the value.
func (h *hub) metric(name string, want float64) error {
	h.t.Helper()
	got, err := h.metricValue(name)
	if err == nil && got != want {
		err = fmt.Errorf("%s is %g", name, got)
	}
	return err
}

// metricValue reads one metric, named with its labels.
func (h *hub) metricValue(name string) (value float64, err error) {
	text, err := getText(h.metrics + "/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		rest, found := strings.CutPrefix(line, name+" ")
		if !found {
			continue
		}
		_, err := fmt.Sscan(rest, &value)
		return value, err
	}
	return 0, fmt.Errorf("no metric %s", name)
}
