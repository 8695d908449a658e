package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

const (
	bookPatience = 60 * time.Second // until a hub's tables must hold all that its log holds
	bookEvery    = 250 * time.Millisecond
)

// An account is what one side says it served.
type account struct {
	Requests int64 `json:"requests"`
	Input    int64 `json:"input_tokens"`
	Output   int64 `json:"output_tokens"`
}

// vendorAccounts reads the fake vendor's ledger by key, once nothing is in flight.
func vendorAccounts(ctx context.Context, vendor string) (map[string]account, error) {
	var ledger struct {
		InFlight int64              `json:"in_flight"`
		ByKey    map[string]account `json:"by_key"`
	}
	if err := getJSON(ctx, vendor+"/_fake/ledger?limit=1&wait=10s", "", &ledger); err != nil {
		return nil, err
	}
	if ledger.InFlight > 0 {
		return nil, fmt.Errorf("the vendor still serves %d requests", ledger.InFlight)
	}
	return ledger.ByKey, nil
}

// An entry is what a hub's usage says.
type entry struct {
	account
	Attempts    int64 `json:"attempts"`
	Failures    int64 `json:"failures"`
	CostNanoUSD int64 `json:"cost_nano_usd"`
	Unpriced    int64 `json:"unpriced"`
	Estimated   int64 `json:"estimated"`
}

// Books compares what a hub's clients hold, what its vendor served and what it recorded.
type books struct {
	Lane    string  `json:"lane"`
	Answers int64   `json:"answers"` // whole ones, that clients hold
	Vendor  account `json:"vendor"`
	Hub     entry   `json:"hub"`
	Lost    int64   `json:"lost"`    // requests served that the hub does not know
	Doubled int64   `json:"doubled"` // requests the hub knows that nobody served
	Tokens  int64   `json:"drift_tokens"`
	Cost    int64   `json:"drift_nano_usd"`
	Verify  string  `json:"verify"` // its first line
}

// Cost of one bench answer in nano-USD: benchPrice for the tokens of the fake vendor's bench models.
const (
	nanoPerInput  = 150
	nanoPerOutput = 600
)

// compare fills in the differences.
func (b *books) compare() {
	served := max(b.Answers, b.Vendor.Requests)
	b.Lost = max(served-b.Hub.Requests, 0)
	b.Doubled = max(b.Hub.Requests-served, 0)
	b.Tokens = distance(b.Hub.Input, b.Vendor.Input) + distance(b.Hub.Output, b.Vendor.Output)
	b.Cost = distance(b.Hub.CostNanoUSD, b.Vendor.Input*nanoPerInput+b.Vendor.Output*nanoPerOutput)
}

func distance(a, b int64) int64 { return max(a-b, b-a) }

// problem says what is wrong with the books, nil if nothing is.
func (b *books) problem() error {
	switch {
	case b.Lost != 0, b.Doubled != 0, b.Tokens != 0, b.Cost != 0:
		return fmt.Errorf("%s: %d requests lost, %d doubled, drift %d tokens and %d nano-USD", b.Lane, b.Lost, b.Doubled, b.Tokens, b.Cost)
	case b.Hub.Attempts != b.Hub.Requests, b.Hub.Failures != 0:
		return fmt.Errorf("%s: %d requests took %d attempts with %d failures", b.Lane, b.Hub.Requests, b.Hub.Attempts, b.Hub.Failures)
	case b.Hub.Unpriced != 0, b.Hub.Estimated != 0:
		return fmt.Errorf("%s: %d records without a price, %d estimated", b.Lane, b.Hub.Unpriced, b.Hub.Estimated)
	}
	return nil
}

// audit waits until the lane's hub has told all it knows, compares it with what the vendor served
// and has the hub verify itself. Differences are in the books; the error tells that they could not
// be read, or that verify found one.
func audit(ctx context.Context, l *lane, served account, patience time.Duration) (*books, error) {
	b := &books{Lane: l.name, Answers: int64(l.whole), Vendor: served}
	unread := b.balance(ctx, l.hub, patience)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.compare()
	var err error
	b.Verify, err = l.hub.verify(ctx)
	return b, errors.Join(unread, err)
}

// balance reads a hub's usage until it agrees with the vendor, or patience ends. What does not
// agree then is in the books; the error tells that usage was never read.
func (b *books) balance(ctx context.Context, h *hub, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	read := false
	err := poll(ctx, bookEvery, func() error {
		e, err := h.usage(ctx)
		if err != nil {
			return err
		}
		read = true
		b.Hub = e
		b.compare()
		return b.problem()
	})
	if read {
		return nil
	}
	return err
}

// usage reads all the hub has recorded.
func (h *hub) usage(ctx context.Context) (entry, error) {
	var answer struct {
		Rows []entry `json:"rows"`
	}
	if err := getJSON(ctx, h.base+"/api/v1/usage", h.token, &answer); err != nil {
		return entry{}, err
	}
	switch len(answer.Rows) {
	case 0:
		return entry{}, nil
	case 1:
		return answer.Rows[0], nil
	}
	return entry{}, fmt.Errorf("usage without groups has %d rows", len(answer.Rows))
}

// verify runs llm-hub verify and gives the first line it printed.
func (h *hub) verify(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, h.binary, "verify", "--data", h.data)
	var out, complaint bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = environment(os.Environ()), &out, &complaint
	err := cmd.Run()
	first, _, _ := strings.Cut(strings.TrimSpace(out.String()), "\n")
	if err != nil {
		return first, fmt.Errorf("llm-hub verify: %w\n%s%s", err, out.String(), complaint.String())
	}
	return first, nil
}
