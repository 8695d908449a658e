package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// attackBodies sends bodies that are too much, too deep, or not what they say.
func attackBodies(t *testing.T, r *attackRange) {
	const chat, models = "/v1/chat/completions", "/api/v1/models"
	key, op := "Authorization: Bearer {key}", "Authorization: Bearer {op}"
	deep := func(n int) string {
		return `{"name":"deep","x":` + strings.Repeat(`{"x":`, n) + "1" + strings.Repeat("}", n) + "}"
	}
	list := func(n int) string {
		return `{"name":"deep","x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + "}"
	}
	big := `{"name":"` + strings.Repeat("x", 10<<20) + `"}`
	var shots []shot
	for _, target := range []string{models, "/api/v1/config"} {
		for name, body := range map[string]string{
			"65 objects": deep(65), "65 lists": list(65), "100000 lists": list(100_000), "4 MiB of lists": list(2 << 20),
		} {
			shots = append(shots, shot{name: target + ": " + name, target: target, header: []string{op}, body: body, want: []int{400, 413}})
		}
	}
	for name, body := range map[string]string{"65 objects": deep(65), "9000 objects": deep(9000), "100000 lists": list(100_000)} {
		shots = append(shots, shot{name: "patch: " + name, method: "PATCH", target: models + "/fake-openai", header: []string{op}, body: body, want: []int{400}})
	}
	const longest = 256<<10 - 64 // what may be said of one object
	for name, filling := range map[string]string{
		"a lot of empty lists":   strings.Repeat("[],", longest/3) + "[]",
		"a lot of keys":          `{"a":1` + strings.Repeat(`,"a":1`, longest/6) + "}",
		"a lot of one text":      `"` + strings.Repeat("x", longest) + `"`,
		"a lot of escapes":       `"` + strings.Repeat(`\u0000`, longest/6) + `"`,
		"a lot of quotes":        `"` + strings.Repeat(`\"`, longest/2) + `"`,
		"a lot of nothing":       strings.Repeat(" ", longest) + "1",
		"a lot of empty lines":   strings.Repeat("\n", longest) + "1",
		"a lot of one number":    strings.Repeat("9", longest),
		"a lot of colons":        `"` + strings.Repeat(": ", longest/2) + `"`,
		"a lot of number commas": strings.Repeat("1,", longest/2) + "1",
	} {
		shots = append(shots, shot{name: name, target: models, header: []string{op}, body: `{"name":"big","x":[` + filling + `]}`, want: []int{400}})
	}
	shots = append(shots, shot{name: "more than one object may have", target: models, header: []string{op}, body: `{"name":"` + strings.Repeat("x", 256<<10) + `"}`, want: []int{413}})
	for _, target := range []string{models, "/api/v1/config", chat} {
		with := op
		if target == chat {
			with = key
		}
		shots = append(shots,
			shot{name: target + ": 10 MiB", target: target, header: []string{with}, body: big, want: []int{413}},
			shot{name: target + ": chunks without end", target: target, header: []string{with, "Transfer-Encoding: chunked"}, body: strings.Repeat("100000\r\n"+strings.Repeat(" ", 1<<20)+"\r\n", 11), want: []int{413}},
			shot{name: target + ": 65 deep", target: target, header: []string{with}, body: deep(65), want: []int{400}},
		)
		for _, kind := range []string{
			"text/plain", "text/plain;application/json", "application/json, text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
			"application/jsonp", "application/json5", "text/json", "application/xml", "application/yaml", "*/*", "application/json/x", `application/json; charset="`, "json",
		} {
			shots = append(shots, shot{name: target + " as " + kind, target: target, header: []string{with, "Content-Type: " + kind}, body: `{"name":"x"}`, want: []int{400}, says: "application/json"})
		}
		for _, coding := range []string{"gzip", "deflate", "br", "identity, gzip", "x"} {
			shots = append(shots, shot{name: target + " in " + coding, target: target, header: []string{with, "Content-Encoding: " + coding}, body: "\x1f\x8b\x08", want: []int{400}, says: "compressed"})
		}
		for _, body := range []string{
			"null", "[]", `"x"`, "1", "{", "}", "{}{}", `{"name":}`, `{"name":"x"`, "{'name':'x'}", "{name: x}", "\xef\xbb\xbf{}", "\xff\xfe{\x00}\x00", `{"name":"` + "\xff" + `"}`,
			`{"name":NaN}`, `{"name":1e999}`, `{"name":-0}`, "{} // x", "{\"name\":\"a\x00b\"}", "&a [*a]", "<!DOCTYPE x>",
		} {
			shots = append(shots, shot{name: fmt.Sprintf("%s: %.20q", target, body), target: target, header: []string{with}, body: body, want: []int{400}})
		}
	}
	r.fire(t, shots)
}

// attackWrites says more of objects than a client may: what the hub sets itself, what
// belongs to another sort, and what some languages would take for their own.
func attackWrites(t *testing.T, r *attackRange) {
	sorts := []struct{ path, object, spec string }{
		{"providers", "openai", `"name":"new","kind":"openai","credentials":[{"name":"main","api_key":"sk-1"}]`},
		{"credentials?provider=openai", "openai/main", `"name":"new","api_key":"sk-1"`},
		{"models", "fake-openai", `"name":"new","targets":[{"provider":"openai","model":"gpt-fake"}]`},
		{"tenants", "acme", `"name":"new"`},
		{"users?tenant=acme", "acme/" + r.userID(t), `"email":"new@acme.test"`},
		{"keys?tenant=acme", "acme/ci", `"name":"new"`},
		{"prices", "*/gpt-fake", `"model":"new","input":"1"`},
		{"tokens", "viewer", `"name":"new","role":"viewer"`},
	}
	// By what is sent: the field that must be named in the refusal.
	fields := []struct{ text, named string }{
		{`"origin":"file"`, "origin"}, {`"version":1`, "version"}, {`"seq":1`, "seq"}, {`"sort":"token"`, "sort"}, {`"actor":"operator"`, "actor"},
		{`"tenant":"other"`, "tenant"}, {`"created":"2026-01-01T00:00:00Z"`, "created"}, {`"__proto__":{"role":"admin"}`, "__proto__"}, {`"constructor":{"prototype":{}}`, "constructor"},
		{`"prototype":1`, "prototype"}, {`"is_admin":true`, "is_admin"}, {`"permissions":["administer"]`, "permissions"}, {`"NAME":"new"`, "NAME"}, {`"name ":"new"`, "name "},
		{`"hash":"sha256:00"`, "hash"}, {`"spec":{}`, "spec"}, {`"$where":"1"`, "$where"}, {`"a.b":1`, "a.b"}, {`"":1`, `\"\"`},
		{`"id":"abcdefghijkl"`, "id"}, {`"issuer":"a_0123456789abcdef"`, "issuer"}, {`"previous":{"key":"` + r.otherKey + `","until":"2999-01-01T00:00:00Z"}`, "previous"},
	}
	var shots []shot
	op := "Authorization: Bearer {op}"
	for _, sort := range sorts {
		path, _, _ := strings.Cut(sort.path, "?")
		for _, f := range fields {
			shots = append(shots,
				shot{name: "new " + sort.path + " with " + f.text, target: "/api/v1/" + sort.path, header: []string{op}, body: "{" + sort.spec + "," + f.text + "}", want: []int{400, 403}, says: f.named},
				shot{name: "patch of " + sort.object + " with " + f.text, method: "PATCH", target: "/api/v1/" + path + "/" + sort.object, header: []string{op}, body: "{" + f.text + "}", want: []int{400, 403}, says: f.named},
			)
		}
	}
	shots = append(shots, []shot{
		{name: "deep in a target", target: "/api/v1/models", header: []string{op}, body: `{"name":"new","targets":[{"provider":"openai","model":"m","base_url":"http://127.0.0.2"}]}`, want: []int{400}, says: "base_url"},
		{name: "deep in a limit", method: "PATCH", target: "/api/v1/tenants/acme", header: []string{op}, body: `{"limits":[{"per":"day","requests":1,"used":0}]}`, want: []int{400}, says: "used"},
		{name: "settings", method: "PATCH", target: "/api/v1/settings", header: []string{op}, body: `{"master_key":"x"}`, want: []int{400}, says: "master_key"},
		{name: "a role there is not", target: "/api/v1/tokens", header: []string{op}, body: `{"name":"new","role":"root"}`, want: []int{400}, says: "role"},
		{name: "the same key twice", target: "/api/v1/tokens", header: []string{op}, body: `{"name":"new","role":"viewer","role":"admin"}`, want: []int{400}, says: "twice"},
		{name: "the same key twice in a patch", method: "PATCH", target: "/api/v1/tokens/viewer", header: []string{op}, body: `{"role":"viewer","role":"admin"}`, want: []int{400}, says: "twice"},
		{name: "another's name", method: "PATCH", target: "/api/v1/tokens/viewer", header: []string{op}, body: `{"name":"operator"}`, want: []int{400}},
		{name: "a tenant inside another", target: "/api/v1/keys?tenant=acme&tenant=other", header: []string{op}, body: `{"name":"new"}`, want: []int{400}, says: "tenant"},
		{name: "no tenant there is", target: "/api/v1/keys?tenant=-", header: []string{op}, body: `{"name":"new"}`, want: []int{400, 404}},
		{name: "a file of the server", target: "/api/v1/tokens", header: []string{op}, body: `{"name":"new","role":"viewer","key":"file:/etc/passwd"}`, want: []int{400}, says: "files only"},
		{name: "a variable of the server", target: "/api/v1/credentials?provider=openai", header: []string{op}, body: `{"name":"new","api_key":"env:PATH"}`, want: []int{400}, says: "files only"},
		{name: "what stands for a secret", method: "PATCH", target: "/api/v1/credentials/openai/main", header: []string{op}, body: `{"api_key":"[secret]"}`, want: []int{400}, says: "stands for"},
		{name: "what shows a secret", method: "PATCH", target: "/api/v1/credentials/openai/main", header: []string{op}, body: `{"api_key":"[secret ...ai-1]"}`, want: []int{400}, says: "api_key"},
		{name: "a sealed value", target: "/api/v1/credentials?provider=openai", header: []string{op}, body: `{"name":"new","api_key":"sealed:v1|x|y|z"}`, want: []int{400}, says: "sealed"},
		{name: "a viewer who wants more", method: "PATCH", target: "/api/v1/tokens/viewer", header: []string{"Authorization: Bearer {viewer}"}, body: `{"role":"admin"}`, want: []int{403}},
		{name: "where a request goes", target: "/v1/chat/completions", header: []string{"Authorization: Bearer {key}", "X-Base-Url: http://127.0.0.2", "X-Llmhub-Provider: http://127.0.0.2"}, body: `{"model":"fake-openai","messages":[{"role":"user","content":"Hi."}],"api_base":"http://127.0.0.2","base_url":"http://127.0.0.2","api_key":"mine"}`, want: []int{200, 400}},
	}...)
	r.fire(t, shots)
}

// userID is the id of the one person there is.
func (r *attackRange) userID(t *testing.T) string {
	t.Helper()
	status, body := r.api(t, "GET", "/api/v1/users?tenant=acme", "")
	var page struct{ Items []struct{ ID string } }
	if err := json.Unmarshal([]byte(body), &page); err != nil || status != http.StatusOK || len(page.Items) != 1 {
		t.Fatalf("%d %s", status, body)
	}
	return page.Items[0].ID
}
