package main_test

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/llm-hub/llm-hub/docs"
	"github.com/llm-hub/llm-hub/events/natslog"
	natsembedded "github.com/llm-hub/llm-hub/events/natslog/embedded"
	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded"
)

// shown is everything that a running hub shows.
func (r *canaryRun) shown(t *testing.T) []place {
	t.Helper()
	events, _ := command(t, "replay", "--data", r.data, "--format", "jsonl")
	r.backup = filepath.Join(t.TempDir(), "backup.tar")
	said := must(t, "backup", "--data", r.data, "--to", r.backup, "--plaintext")
	places := []place{
		{"replayed events", events, "fake-openai"},
		{"what backup says", said, "ok:"},
		{"the backup", readText(t, r.backup), "manifest.json"},
	}
	for name, url := range map[string]string{"metrics": r.metrics + "/metrics", "readiness": r.url + "/readyz"} {
		text, err := getText(url)
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, place{name, text, "engine"})
	}
	for _, what := range []string{"usage?group_by=model,credential,key&", "requests?", "focus?"} {
		for _, format := range []string{"csv", "jsonl"} {
			places = append(places, place{"export/" + what + format, r.call(t, http.DefaultClient, http.MethodGet, "export/"+what+"format="+format, ""), "openai"})
		}
	}
	places = append(places, r.jobs(t)...)
	return append(places, place{"the API", r.answers(t), "client_secret"})
}

// jobs are the files of exports that are made in the background.
func (r *canaryRun) jobs(t *testing.T) (places []place) {
	t.Helper()
	type export struct{ ID, State, Error string }
	decode := func(answer string) (e export) {
		if err := json.Unmarshal([]byte(answer), &e); err != nil || e.State == "failed" {
			t.Fatalf("%v: %s", err, answer)
		}
		return e
	}
	made := map[string]string{}
	for _, what := range []string{"usage?group_by=model,credential,key&format=csv", "requests?format=jsonl", "focus?format=csv"} {
		made[what] = "exports/" + decode(r.call(t, http.DefaultClient, http.MethodPost, "exports/"+what, "")).ID
	}
	for what, path := range made {
		eventually(t, settleTimeout, "the export is made", func() error {
			if e := decode(r.call(t, http.DefaultClient, http.MethodGet, path, "")); e.State != "done" {
				return errors.New(e.State + e.Error)
			}
			return nil
		})
		places = append(places, place{"job of " + what, r.call(t, http.DefaultClient, http.MethodGet, path+"/file", ""), "openai"})
		r.objects["exports/{id}"] = path
	}
	return places
}

// answers is what every GET of the API says that answers at once, to the operator's token,
// or where that is nobody's account, to the person who is signed in.
func (r *canaryRun) answers(t *testing.T) string {
	t.Helper()
	var contract struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct{ Content map[string]any }
		}
	}
	if err := json.Unmarshal(docs.OpenAPI, &contract); err != nil {
		t.Fatal(err)
	}
	var pairs []string
	for route, object := range r.objects {
		pairs = append(pairs, "/api/v1/"+route, object)
	}
	fill := strings.NewReplacer(append(pairs, "/api/v1/", "")...)
	var all strings.Builder
	for path, methods := range contract.Paths {
		content := methods["get"].Responses["200"].Content
		if len(content) == 0 || content["text/event-stream"] != nil || content["application/x-tar"] != nil {
			continue // redirects, tails that do not end, and the backup
		}
		target := fill.Replace(path)
		status, answer := r.try(t, http.DefaultClient, http.MethodGet, target, "")
		if status != http.StatusOK {
			status, answer = r.try(t, r.person.client, http.MethodGet, target, "")
		}
		if status != http.StatusOK || strings.Contains(target, "{") {
			t.Errorf("%s, asked as %s: %d %s", path, target, status, answer)
		}
		all.WriteString("\n" + target + ": " + answer)
	}
	return all.String()
}

// messagesOf is every message in the log of a data directory that no server uses, those of
// buckets as well. In its files they are compressed.
func messagesOf(t *testing.T, data string) string {
	t.Helper()
	server, err := natsembedded.Start(natsembedded.Config{Dir: data, Class: natslog.Dev, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	conn, err := nats.Connect("", nats.InProcessServer(server))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	streams := js.StreamNames(t.Context())
	for name := range streams.Name() {
		stream, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		state := stream.CachedInfo().State
		for seq := max(1, state.FirstSeq); seq <= state.LastSeq; seq++ {
			m, err := stream.GetMsg(t.Context(), seq)
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			all.WriteString("\n" + name + " " + m.Subject + " ")
			_ = http.Header(m.Header).Write(&all) // a Builder takes everything
			all.Write(m.Data)
		}
	}
	if err := streams.Err(); err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// rowsOf is every row of every table in the ClickHouse of a data directory that no server
// uses, those that the engine keeps for itself as well. In its files they are compressed.
func rowsOf(t *testing.T, data string) string {
	t.Helper()
	engine, err := embedded.Start(t.Context(), embedded.Config{
		Library: filepath.Join(binDir, "libchdb.so"), DataDir: filepath.Join(data, "clickhouse"), Executable: filepath.Join(binDir, "llm-hub"),
	})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(sql string) string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+engine.Access().Addr+"/", strings.NewReader(sql))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(engine.Access().User, engine.Access().Password)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s %v", sql, resp.StatusCode, body, err)
		}
		return string(body)
	}
	var all strings.Builder
	tables := strings.Fields(ask("SELECT concat('`', database, '`.`', name, '`') FROM system.tables WHERE engine LIKE '%MergeTree' FORMAT TSVRaw"))
	for _, table := range tables {
		all.WriteString(ask("SELECT * FROM " + table + " FORMAT JSONEachRow"))
	}
	if !slices.ContainsFunc(tables, func(name string) bool { return strings.Contains(name, "`requests`") }) {
		t.Errorf("tables %v", tables)
	}
	if err := engine.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	return all.String()
}
