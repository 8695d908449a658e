package main_test

import (
	"net/http"
	"testing"
	"time"
)

// probedFor is how long the gateway is asked: well beyond what a publisher and a
// client of the log wait.
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
	for begin := time.Now(); time.Since(begin) < probedFor; {
		resp, err := http.Get(gateway.started.url + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("readyz: %s", resp.Status)
		}
	}
}
