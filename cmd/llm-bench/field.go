package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// A field is everything that takes part: the vendor and the lanes to it.
type field struct {
	bin, dir string        // directory of the binaries; directory of the data
	patience time.Duration // with a hub's tables

	vendor  string // URL of the fake vendor
	lanes   []*lane
	started []*process // in the order they started
}

const (
	vendorReady = "fake-llm listening on "
	idleWindow  = time.Second
)

// start brings up the vendor, the floor and a hub for every mode.
func (f *field) start(ctx context.Context, modes []mode) error {
	vendor, address, err := startListening(ctx, vendorReady, filepath.Join(f.bin, "fake-llm"),
		"-listen", "127.0.0.1:0", "-totals-only", "-exit-with-parent")
	if err != nil {
		return err
	}
	f.started = append(f.started, vendor)
	f.vendor = "http://" + address
	f.lanes = append(f.lanes, &lane{name: directLane, address: address, key: directLane})

	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("start %s: %w", floorLane, err)
	}
	floor, address, err := startListening(ctx, floorReady, self, floorCommand, "-upstream", f.vendor)
	if err != nil {
		return err
	}
	f.started = append(f.started, floor)
	f.lanes = append(f.lanes, &lane{name: floorLane, address: address, key: floorLane, process: floor})

	for _, m := range modes {
		if err := f.startHub(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (f *field) startHub(ctx context.Context, m mode) error {
	key := "llm-bench-" + rand.Text() + rand.Text()
	config := hubConfig{Vendor: f.vendor + "/openai/v1", VendorKey: m.String(), Key: key}
	seen := map[model]bool{}
	for _, s := range scenarios() {
		if !seen[s.model()] {
			seen[s.model()] = true
			config.Models = append(config.Models, s.model())
		}
	}
	h, err := startHub(ctx, filepath.Join(f.bin, "llm-hub"), filepath.Join(f.dir, m.String()), m, config)
	if err != nil {
		return err
	}
	f.started = append(f.started, h.process)
	address, err := h.address()
	if err != nil {
		return err
	}
	f.lanes = append(f.lanes, &lane{name: m.String(), address: address, key: key, process: h.process, hub: h})
	return nil
}

// idle measures the processes before there is any load, all at the same time.
func (f *field) idle(ctx context.Context) ([]*memory, error) {
	var lanes []*lane
	var before []usageOf
	for _, l := range f.lanes {
		if l.process == nil {
			continue
		}
		now, err := l.usage()
		if err == nil {
			now, _, err = l.settle(ctx, now)
		}
		if err != nil {
			return nil, err
		}
		lanes, before = append(lanes, l), append(before, now)
	}
	begin := time.Now()
	select {
	case <-time.After(idleWindow):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var all []*memory
	for i, l := range lanes {
		now, err := l.usage()
		if err != nil {
			return nil, err
		}
		own, below := now.since(before[i])
		m := &memory{
			Lane: l.name, Idle: now.resident, EngineIdle: now.below,
			IdleCPU: known((own + below).Seconds()).over(known(time.Since(begin).Seconds())),
		}
		if l.hub != nil {
			m.ReadyMS = known(float64(l.hub.started.Milliseconds()))
		}
		all = append(all, m)
	}
	return all, nil
}

// audit closes the books of every hub; what is wrong with them is a problem of the report.
func (f *field) audit(ctx context.Context, r *report) error {
	served, err := vendorAccounts(ctx, f.vendor)
	if err != nil {
		return fmt.Errorf("vendor's ledger: %w", err)
	}
	for _, l := range f.lanes {
		if l.hub == nil {
			continue
		}
		b, err := audit(ctx, l, served[l.name], f.patience)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.Books = append(r.Books, b)
		if err := errors.Join(err, b.problem()); err != nil {
			r.Problems = append(r.Problems, fmt.Sprintf("books of %s: %v", l.name, err))
		}
	}
	return nil
}

// stop ends everything, the last started first.
func (f *field) stop() error {
	var errs []error
	for i := len(f.started) - 1; i >= 0; i-- {
		errs = append(errs, f.started[i].stop())
	}
	f.started = nil
	return errors.Join(errs...)
}
