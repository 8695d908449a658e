package main_test

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	api "github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/projector/objectstore"
	"github.com/llm-hub/llm-hub/projector/objectstore/objectstoretest"
)

// environ is the variables that reach a storage, for a process.
func environ(s *objectstoretest.Server) []string {
	var out []string
	for name, value := range s.Vars {
		out = append(out, name+"="+value)
	}
	return out
}

// startHubWith runs `llm-hub serve` with more variables.
func startHubWith(t *testing.T, env []string, data string, args ...string) *hub {
	t.Helper()
	_ = os.Remove(filepath.Join(data, "server.json")) // of a killed run
	cmd := exec.Command(filepath.Join(binDir, "llm-hub"), hubArgs(data, args...)...)
	cmd.Env = append(os.Environ(), env...)
	h := &hub{process: startCommand(t, cmd), data: data}
	h.waitReady()
	return h
}

// TestExportsIntoStorage: an export into a storage that speaks S3 goes on after a kill -9
// in the middle of the upload, and is the file that the same export gives at once; what
// the storage refuses is said, and holds no other export up.
func TestExportsIntoStorage(t *testing.T) {
	t.Parallel()
	v, store, data := startVendor(t), objectstoretest.StartS3(t), t.TempDir()
	args := serveArgs(t, v)
	h := startHubWith(t, environ(store), data, args...)
	h.teams(t)
	h.fresh(t)
	span := url.Values{
		"from": {time.Now().AddDate(0, 0, -3).Format(time.RFC3339)}, "to": {time.Now().Add(time.Hour).Format(time.RFC3339)},
		"time_zone": {"Asia/Kathmandu"},
	}
	reached, die := make(chan struct{}), make(chan struct{})
	var once sync.Once
	store.Before(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			once.Do(func() { close(reached) })
			<-die
		}
	})
	job := h.order(t, store.Location, span)
	select {
	case <-reached:
	case <-time.After(settleTimeout):
		t.Fatalf("no upload: %+v", h.export(t, job.ID))
	}
	if now := h.export(t, job.ID); now.State != "running" || now.Ready != now.Parts || now.Parts != 4 || now.Rows != 3 {
		t.Errorf("while it is sent: %+v", now)
	}
	h.kill()
	store.Before(nil)
	close(die)
	h = startHubWith(t, environ(store), data, args...)
	job = h.ended(t, job.ID)
	whole := h.text(t, "export/requests?"+span.Encode(), "")
	object := readObject(t, store, job.Name)
	if diff := cmp.Diff(whole, object); diff != "" || job.State != "done" || job.Error != "" || job.Bytes != int64(len(whole)) {
		t.Errorf("%+v (-at once +stored):\n%s", job, diff)
	}
	rows, err := csv.NewReader(strings.NewReader(object)).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	team, got := slices.Index(rows[0], "team"), []string{}
	for _, row := range rows[1:] {
		got = append(got, row[team])
	}
	if diff := cmp.Diff([]string{"", "blue", "red"}, got); diff != "" { // the newest first
		t.Errorf("teams (-want +got):\n%s", diff)
	}
	if code := h.status(t, h.token, http.MethodGet, "exports/"+job.ID+"/file", ""); code != http.StatusConflict {
		t.Errorf("the file is not here, but %d", code)
	}
	h.refused(t, store, span)
	h.configure(t, http.MethodDelete, "exports/"+job.ID, nil, nil)
	if again := readObject(t, store, job.Name); again != whole {
		t.Error("what the storage has got went with the job")
	}
}

// refused orders exports that the storage refuses.
func (h *hub) refused(t *testing.T, store *objectstoretest.Server, span url.Values) {
	t.Helper()
	missing := h.ended(t, h.order(t, strings.Replace(store.Location, "s3://", "s3://no-", 1), span).ID)
	if missing.State != "failed" || !strings.Contains(missing.Error, "no such bucket") {
		t.Errorf("a bucket that is not there: %+v", missing)
	}
	store.Before(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut || r.Method == http.MethodPost {
			objectstoretest.Refuse(w, http.StatusForbidden, "AccessDenied", "Access Denied.")
		}
	})
	denied := h.order(t, store.Location, span)
	eventually(t, settleTimeout, "the refusal is told", func() error {
		if denied = h.export(t, denied.ID); denied.State != "waiting" || !strings.Contains(denied.Error, "Access Denied") {
			return fmt.Errorf("%+v", denied)
		}
		return nil
	})
	here := h.ended(t, h.order(t, "", span).ID)
	if file := h.text(t, "exports/"+here.ID+"/file", "bytes=0-9"); file != "id,admitte" {
		t.Errorf("the first bytes of %+v are %q", here, file)
	}
	h.configure(t, http.MethodDelete, "exports/"+denied.ID, nil, nil)
	store.Before(nil)
}

// teams has a key that moves from a team to another, and one of none, make a request each.
func (h *hub) teams(t *testing.T) {
	t.Helper()
	for _, name := range []string{"red", "blue"} {
		h.configure(t, http.MethodPost, "teams?tenant=acme", map[string]any{"name": name}, nil)
	}
	var made struct{ Keys []struct{ Key string } }
	h.configure(t, http.MethodPost, "keys?tenant=acme", map[string]any{"name": "moving", "team": "red"}, &made)
	ask := func(key string) {
		t.Helper()
		a, err := h.chatAs(t.Context(), key, map[string]any{"model": "fake-openai", "messages": []map[string]string{{"role": "user", "content": "Hi"}}})
		if err != nil || a.status != http.StatusOK {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	ask(made.Keys[0].Key)
	h.configure(t, http.MethodPatch, "keys/acme/moving", map[string]any{"team": "blue"}, nil)
	ask(made.Keys[0].Key)
	ask(hubKey)
	h.drained()
	var usage api.Usage
	if err := getJSON(h.url+"/api/v1/usage?group_by=team,key", h.token, &usage); err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, r := range usage.Rows {
		got = append(got, fmt.Sprintf("%s %s %d", r.Group["team"], r.Group["key"], r.Requests))
	}
	if diff := cmp.Diff([]string{" ci 1", "blue moving 1", "red moving 1"}, got); diff != "" || usage.Totals.Requests != 3 || usage.Overlap {
		t.Errorf("%+v (-want +got):\n%s", usage, diff)
	}
	var page api.Requests
	if err := getJSON(h.url+"/api/v1/requests?team=red", h.token, &page); err != nil || len(page.Rows) != 1 || page.Rows[0].Principal.Team != "red" {
		t.Errorf("%+v, %v", page, err)
	}
}

// fresh: people of a tenant are told how far what they see is behind, and no more.
func (h *hub) fresh(t *testing.T) {
	t.Helper()
	var made struct{ Keys []struct{ Key string } }
	h.configure(t, http.MethodPost, "tokens", map[string]any{"name": "looks", "role": "viewer", "tenant": "acme"}, &made)
	var all, some api.Status
	if err := errors.Join(getJSON(h.url+"/api/v1/status", h.token, &all), getJSON(h.url+"/api/v1/status", made.Keys[0].Key, &some)); err != nil {
		t.Fatal(err)
	}
	if all.Node == "" || all.Log == nil || some.Node != "" || some.Log != nil || some.Version != all.Version || some.Tables == nil || some.Counters == nil {
		t.Errorf("%+v to all, %+v to a tenant", all, some)
	}
	for _, name := range []string{"seq", "behind", "lag_seconds"} {
		if (*some.Tables)[name] == nil {
			t.Errorf("%s is not told: %+v", name, some.Tables)
		}
	}
}

// order has requests exported in the background.
func (h *hub) order(t *testing.T, store string, span url.Values) (job api.Export) {
	t.Helper()
	q := url.Values{}
	for name, values := range span {
		q[name] = values
	}
	if store != "" {
		q.Set("store", store)
	}
	h.configure(t, http.MethodPost, "exports/requests?"+q.Encode(), nil, &job)
	return job
}

func (h *hub) export(t *testing.T, id string) (job api.Export) {
	t.Helper()
	if err := getJSON(h.url+"/api/v1/exports/"+id, h.token, &job); err != nil {
		t.Fatal(err)
	}
	return job
}

// ended waits until an export is over.
func (h *hub) ended(t *testing.T, id string) (job api.Export) {
	t.Helper()
	eventually(t, settleTimeout, "the export is over", func() error {
		if job = h.export(t, id); job.State != "done" && job.State != "failed" {
			return errors.New(job.State + " " + job.Error)
		}
		return nil
	})
	return job
}

// text is what is answered, or the bytes of it that are wanted.
func (h *hub) text(t *testing.T, path, bytes string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+"/api/v1/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.token)
	if bytes != "" {
		req.Header.Set("Range", bytes)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		t.Fatalf("%s: %d %s %v", path, resp.StatusCode, text, err)
	}
	return string(text)
}

func readObject(t *testing.T, s *objectstoretest.Server, name string) string {
	t.Helper()
	store, err := objectstore.Open(s.Location, s.Env)
	if err != nil {
		t.Fatal(err)
	}
	r, err := store.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
