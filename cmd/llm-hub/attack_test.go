package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestAttacks fires a corpus of attacks at a hub as it is shipped. A case says what must
// come of it; after each group what is configured must be what it was, and in the end the
// books must hold and the log must be lines of JSON.
func TestAttacks(t *testing.T) {
	t.Parallel()
	r := newRange(t)
	for _, group := range []struct {
		name string
		fire func(*testing.T, *attackRange)
	}{
		{"headers", attackHeaders}, {"routes", attackRoutes}, {"browsers", attackBrowsers}, {"ids", attackIDs}, {"bodies", attackBodies},
		{"mass assignment", attackWrites}, {"log", attackLog}, {"destinations", attackDestinations},
	} {
		t.Run(group.name, func(t *testing.T) {
			before := r.config(t)
			group.fire(t, r)
			if after := r.config(t); after != before {
				t.Errorf("attacks changed the configuration (-before +after):\n%s", cmp.Diff(before, after))
			}
		})
	}
	verified(t, r.data)
	if err := r.interrupt(); err != nil {
		t.Fatal(err)
	}
	r.checkLog(t)
}

// attackRange is a hub whose vendor is at 127.0.0.1, the only private address it may call.
type attackRange struct {
	*hub
	vendor   *vendor
	viewer   string // token of an operator who may only look
	narrow   string // virtual key that works from 10.0.0.0/8 only
	otherKey string
}

func newRange(t *testing.T) *attackRange {
	t.Helper()
	v := startVendor(t)
	r := &attackRange{
		vendor: v, viewer: "viewer-token-0123456789-0123456789", narrow: "narrow-key-0123456789-0123456789-01", otherKey: "other-key-0123456789-0123456789-012",
		hub: startHub(t, t.TempDir(), "--config", writeConfig(t, v.url), "--allow-private-cidrs", "127.0.0.1/32"),
	}
	for sort, spec := range map[string]string{
		"tokens":           `{"name":"viewer","role":"viewer","key":"` + r.viewer + `"}`,
		"keys?tenant=acme": `{"name":"narrow","addresses":["10.0.0.0/8"],"key":"` + r.narrow + `"}`,
	} {
		if status, body := r.api(t, "POST", "/api/v1/"+sort, spec); status != http.StatusCreated {
			t.Fatalf("%s: %d %s", sort, status, body)
		}
	}
	return r
}

// config is all that is configured, as operators may see it.
func (r *attackRange) config(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, sort := range []string{"providers", "credentials", "models", "tenants", "users", "keys", "prices", "tokens"} {
		status, body := r.api(t, "GET", "/api/v1/"+sort, "")
		var page struct {
			Items []struct {
				ID   string
				Spec json.RawMessage
			}
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %s", sort, status, body)
		}
		for _, one := range page.Items {
			fmt.Fprintf(&all, "%s %s: %s\n", sort, one.ID, one.Spec)
		}
	}
	return all.String()
}

// api asks with the operator's token.
func (r *attackRange) api(t *testing.T, method, target, body string, header ...string) (int, string) {
	t.Helper()
	a := shot{name: target, method: method, target: target, body: body, header: append([]string{"Authorization: Bearer {op}"}, header...)}.send(t, r)
	return a.status, a.body
}

// shot is one request, byte by byte.
type shot struct {
	name   string
	method string   // empty: GET, or POST with a body
	target string   // empty: /v1/models
	header []string // lines; {op}, {key}, {other}, {viewer} and {narrow} stand for credentials
	body   string   // sent as JSON unless the header has a type
	want   []int    // statuses, any of which is right
	says   string   // in the answer's body
}

// shotAnswer is what came back.
type shotAnswer struct {
	status int
	header http.Header
	body   string
	rest   string // behind the answer, on the same connection
}

// send writes the request as it is, and reads until the hub closes the connection.
func (s shot) send(t *testing.T, r *attackRange) shotAnswer {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(settleTimeout)); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("{op}", r.token, "{key}", hubKey, "{other}", r.otherKey, "{viewer}", r.viewer, "{narrow}", r.narrow)
	written := make(chan struct{})
	go func() { // the hub may answer before it has read all
		defer close(written)
		_, _ = io.WriteString(conn, fill.Replace(s.head())+s.body)
	}()
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, &http.Request{Method: s.verb()})
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	rest, _ := io.ReadAll(in) // the end of the connection, however it comes
	conn.Close()
	<-written
	return shotAnswer{status: resp.StatusCode, header: resp.Header, body: string(body), rest: string(rest)}
}

func (s shot) verb() string {
	switch {
	case s.method != "":
		return s.method
	case s.body != "":
		return http.MethodPost
	}
	return http.MethodGet
}

// head is the request without its body. A line that the header has is not added.
func (s shot) head() string {
	target := s.target
	if target == "" {
		target = "/v1/models"
	}
	lines := append([]string{s.verb() + " " + target + " HTTP/1.1"}, s.header...)
	for _, line := range []string{"Host: hub.test", "Connection: close", "Content-Type: application/json", fmt.Sprintf("Content-Length: %d", len(s.body))} {
		name, _, _ := strings.Cut(line, " ")
		has := slices.ContainsFunc(s.header, func(h string) bool {
			return strings.HasPrefix(h, name) || name == "Content-Length:" && strings.HasPrefix(h, "Transfer-Encoding:")
		})
		if !has && (s.body != "" || !strings.HasPrefix(name, "Content-")) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// fire sends every shot and checks what came back. An answer must never be a fault of
// the hub's own, nor show a credential.
func (r *attackRange) fire(t *testing.T, shots []shot) {
	t.Helper()
	for _, s := range shots {
		a := s.send(t, r)
		if !slices.Contains(s.want, a.status) || !strings.Contains(a.body, s.says) {
			t.Errorf("%s: status %d, want %v; said %.300q, want %q in it", s.name, a.status, s.want, a.body, s.says)
		}
		if a.rest != "" {
			t.Errorf("%s: behind the answer came %.300q", s.name, a.rest)
		}
		for _, secret := range []string{r.token, hubKey, r.otherKey, r.viewer, r.narrow} {
			if strings.Contains(a.body, secret) {
				t.Errorf("%s: the answer shows a credential", s.name)
			}
		}
	}
}

// attackLog puts line breaks and forged lines into everything a client can say.
func attackLog(t *testing.T, r *attackRange) {
	const forged = `\n{\"level\":\"ERROR\",\"msg\":\"forged\"}\r\n\u001b[31m\u0000`
	const inPath = "%0A%7B%22level%22:%22ERROR%22,%22msg%22:%22forged%22%7D%0D%1B%00"
	r.fire(t, []shot{
		{name: "model", target: "/v1/chat/completions", header: []string{"Authorization: Bearer {key}"}, body: `{"model":"` + forged + `","messages":[{"role":"user","content":"` + forged + `"}]}`, want: []int{404, 400}},
		{name: "path", target: "/v1/" + inPath, header: []string{"Authorization: Bearer {key}"}, want: []int{404}},
		{name: "path of a model", target: "/v1beta/models/" + inPath + ":generateContent", header: []string{"Authorization: Bearer {key}"}, body: `{"contents":[{"parts":[{"text":"Hi."}]}]}`, want: []int{404, 400}},
		{name: "operator's path", target: "/api/v1/" + inPath, header: []string{"Authorization: Bearer {op}"}, want: []int{404}},
		{name: "no credential", target: "/api/v1/status?" + inPath, header: []string{"X-Forwarded-For: {\"msg\":\"forged\"}"}, want: []int{401}},
		{name: "parameter", target: "/api/v1/usage?" + inPath + "=" + inPath, header: []string{"Authorization: Bearer {op}"}, want: []int{400}},
		{name: "id", target: "/api/v1/requests/" + inPath, header: []string{"Authorization: Bearer {op}"}, want: []int{404, 400}},
		{name: "object", target: "/api/v1/providers/" + inPath, header: []string{"Authorization: Bearer {op}"}, want: []int{404}},
		{name: "new object", target: "/api/v1/providers", header: []string{"Authorization: Bearer {op}"}, body: `{"name":"` + forged + `","kind":"` + forged + `"}`, want: []int{400}},
		{name: "client", header: []string{"Authorization: Bearer {key}", "User-Agent: {\"msg\":\"forged\"}", "X-Request-Id: {\"msg\":\"forged\"}", "Idempotency-Key: forged"}, want: []int{200}},
		{name: "wish", target: "/v1/chat/completions", header: []string{"Authorization: Bearer {key}", "x-llmhub-unsupported: {\"msg\":\"forged\"}"}, body: `{"model":"fake-openai","messages":[]}`, want: []int{400}},
	})
}

// checkLog: what the hub said in its whole life are lines of JSON, none of them another's
// and none too long.
func (r *attackRange) checkLog(t *testing.T) {
	t.Helper()
	const longest = 8 << 10
	lines := 0
	for line := range strings.Lines(r.out.String()) {
		if !strings.HasPrefix(line, "{") {
			if strings.Contains(line, "forged") {
				t.Errorf("not JSON: %q", line)
			}
			continue
		}
		lines++
		var said struct{ Level, Msg string }
		if err := json.Unmarshal([]byte(line), &said); err != nil || said.Level == "" || said.Msg == "forged" || len(line) > longest {
			t.Errorf("%v: a line of %d bytes: %.300q", err, len(line), line)
		}
	}
	if lines == 0 {
		t.Error("nothing was logged")
	}
}
