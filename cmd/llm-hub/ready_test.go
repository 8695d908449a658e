package main_test

import (
	"net/http"
	"testing"
	"time"
)

// balancerPatience is how long many balancers wait for a probe.
const balancerPatience = time.Second

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
	probe := &http.Client{Timeout: balancerPatience}
	for begin := time.Now(); time.Since(begin) < 4*balancerPatience; {
		resp, err := probe.Get(gateway.started.url + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("readyz: %s", resp.Status)
		}
	}
}
