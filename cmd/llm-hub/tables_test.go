package main_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/migrations"
	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded"
)

// troubled is a hub whose ClickHouse is another process, behind a link.
type troubled struct {
	*hub
	t      *testing.T
	engine *embedded.Engine
	link   *link
	crowd  *crowd
}

// TestClickHouseInTrouble: ClickHouse is away, silent, slow, killed and migrated while
// requests are made. Every one of them is answered, the tables only lag and say so, and
// afterwards everything is in them, to the nano-dollar.
func TestClickHouseInTrouble(t *testing.T) {
	t.Parallel()
	rng := campaignRand(t)
	v := startVendor(t)
	engine, err := embedded.Start(t.Context(), embedded.Config{
		Library: filepath.Join(binDir, "libchdb.so"), DataDir: t.TempDir(), Executable: filepath.Join(binDir, "llm-hub"), NoFsync: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	way := startLink(t, engine.Access().Addr)
	there := engine.Access()
	there.Addr = way.addr()
	config := campaignConfig(t, v.url, "delay=1ms", tenantDoc{name: "free"})
	h := &troubled{t: t, engine: engine, link: way, hub: startHub(t, t.TempDir(),
		"--config", config, "--allow-private-cidrs", "127.0.0.0/8", "--clickhouse-url", there.DSN())}
	n := &node{}
	n.hub.Store(h.hub)
	h.crowd = gather(4, rng.Uint64(), &crowd{gateways: []*node{n}, tenants: []string{"free"}, models: []string{"fake-openai", "fake-anthropic", "fake-gemini"}})
	h.crowd.serves(t, "at first")
	troubles := []func(){h.away, h.silent, h.slow, h.killed, h.migrated}
	for range sized(1, 6) {
		for _, i := range rng.Perm(len(troubles)) {
			troubles[i]()
		}
	}
	var answers []answer
	for _, r := range h.crowd.disperse() {
		if !r.complete {
			t.Errorf("status %d: %s", r.status, r.body)
		}
		answers = append(answers, r.answer)
	}
	h.drained()
	verified(t, h.data)
	audit(t, accountsOf(t, eventsOf(t, "--data", h.data)), readLedger(t, v.url), answers)
}

func (h *troubled) away() {
	h.link.turn(cut)
	h.lags("while ClickHouse is away")
	h.link.turn(up)
	h.catchesUp("after ClickHouse was away")
}

func (h *troubled) silent() {
	h.link.turn(silent)
	h.lags("while ClickHouse is silent")
	h.link.turn(up)
	h.catchesUp("after ClickHouse was silent")
}

func (h *troubled) slow() {
	h.link.turn(slow)
	h.crowd.serves(h.t, "while ClickHouse is slow")
	h.catchesUp("while ClickHouse is slow")
	h.link.turn(up)
}

func (h *troubled) killed() {
	before := h.engine.State().PID
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		h.t.Fatal(err)
	}
	h.crowd.serves(h.t, "while ClickHouse restarts")
	h.catchesUp("after ClickHouse was killed")
	if now := h.engine.State(); now.Restarts == 0 || now.PID == before {
		h.t.Errorf("the engine was not restarted: %+v", now)
	}
}

// migrated changes the schema as a newer projector does while this one writes: columns
// come, and the view that fills a roll-up is changed in place.
func (h *troubled) migrated() {
	for _, pattern := range []string{"0006_*.up.sql", "0007_*.up.sql", "0008_*.up.sql"} {
		names, err := fs.Glob(migrations.FS, pattern)
		if err != nil || len(names) != 1 {
			h.t.Fatal(pattern, names, err)
		}
		text, err := fs.ReadFile(migrations.FS, names[0])
		if err != nil {
			h.t.Fatal(err)
		}
		h.exec(string(text))
	}
	for _, table := range []string{"usage", "usage_15m", "requests"} {
		h.exec(fmt.Sprintf("ALTER TABLE %s ADD COLUMN IF NOT EXISTS of_later%d Int64", table, time.Now().UnixNano()))
	}
	h.crowd.serves(h.t, "while ClickHouse is migrated")
	h.catchesUp("after ClickHouse was migrated")
}

// exec runs a statement in the database of the tables.
func (h *troubled) exec(sql string) {
	h.t.Helper()
	to := h.engine.Access()
	req, err := http.NewRequest(http.MethodPost, "http://"+to.Addr+"/?database="+to.Database, bytes.NewBufferString(sql))
	if err != nil {
		h.t.Fatal(err)
	}
	req.SetBasicAuth(to.User, to.Password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	if said, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		h.t.Fatalf("%s: %s %s %v", sql, resp.Status, said, err)
	}
}

// lags waits until requests were served, and the hub says that its tables lack some.
func (h *troubled) lags(when string) {
	h.t.Helper()
	h.crowd.serves(h.t, when)
	eventually(h.t, settleTimeout, "the lag is told "+when, func() error {
		behind, err := h.metricValue(`llmhub_fold_behind_messages{fold="tables"}`)
		if err == nil && behind == 0 {
			err = errors.New("no message is missing in the tables")
		}
		return err
	})
}

// catchesUp waits until the tables have what the log has now; there is more by then.
func (h *troubled) catchesUp(when string) {
	h.t.Helper()
	var now, later struct {
		Log    struct{ Last uint64 }
		Tables struct{ Seq uint64 }
	}
	if err := getJSON(h.url+"/api/v1/status", h.token, &now); err != nil {
		h.t.Fatal(err)
	}
	eventually(h.t, settleTimeout, "the tables catch up "+when, func() error {
		err := getJSON(h.url+"/api/v1/status", h.token, &later)
		if err == nil && later.Tables.Seq < now.Log.Last {
			err = fmt.Errorf("they have %d of %d", later.Tables.Seq, now.Log.Last)
		}
		return err
	})
}
