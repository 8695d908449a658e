package main_test

import (
	"fmt"
	"testing"
	"time"
)

// probedFor is how long the log is away before the gateway is asked: well beyond what a
// publisher and a client of the log wait.
const probedFor = 4 * time.Second

// TestReadyWithoutLog probes a gateway while no NATS server answers. It serves from
// its leases and its outbox, so it must not be taken out.
func TestReadyWithoutLog(t *testing.T) {
	t.Parallel()
	f := startFleet(t, "", tenantDoc{name: "acme"})
	gateway := f.add("gateway,projector")
	f.ready()
	for i := range f.nats.Nodes() {
		f.nats.Pause(i)
	}
	t.Cleanup(f.nats.Revive)
	<-time.After(probedFor)
	ready := 0
	eventually(t, settleTimeout, "it is ready, time and again", func() error { // not while its own disk is too slow for the outbox, as it may be here
		if err := getJSON(gateway.started.url+"/readyz", "", new(any)); err != nil {
			return err
		}
		if ready++; ready < 10 {
			return fmt.Errorf("%d times", ready)
		}
		return nil
	})
}
