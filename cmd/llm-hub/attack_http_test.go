package main_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// attackHeaders confuses whoever reads credentials: all styles, two at once, the wrong
// kind, and what proxies and frameworks believe.
func attackHeaders(t *testing.T, r *attackRange) {
	styles := []string{"Authorization: Bearer %s", "x-api-key: %s", "api-key: %s", "x-goog-api-key: %s"}
	var shots []shot
	for i, style := range styles {
		good := fmt.Sprintf(style, "{key}")
		shots = append(shots,
			shot{name: "good " + style, header: []string{good}, want: []int{200}},
			shot{name: "unknown " + style, header: []string{fmt.Sprintf(style, "{other}")}, want: []int{401}},
			shot{name: "operator " + style, header: []string{fmt.Sprintf(style, "{op}")}, want: []int{401}},
			shot{name: "key for operators " + style, target: "/api/v1/status", header: []string{good}, want: []int{401}},
			shot{name: "same twice " + style, header: []string{good, good}, want: []int{200}},
			shot{name: "two in one " + style, header: []string{fmt.Sprintf(style, "{key}, {other}")}, want: []int{401}},
			shot{name: "wrong address " + style, header: []string{fmt.Sprintf(style, "{narrow}"), "X-Forwarded-For: 10.0.0.1", "X-Real-IP: 10.0.0.1", "Forwarded: for=10.0.0.1", "CF-Connecting-IP: 10.0.0.1"}, want: []int{403}},
		)
		for j, other := range styles {
			for _, second := range []string{"{other}", "{op}", "short"} {
				shots = append(shots, shot{
					name: fmt.Sprintf("%d and %d, %s", i, j, second), header: []string{good, fmt.Sprintf(other, second)}, want: []int{400}, says: "two different keys",
				})
			}
		}
	}
	basic := base64.StdEncoding.EncodeToString([]byte("user:" + hubKey))
	shots = append(shots, []shot{
		{name: "nothing", want: []int{401}},
		{name: "cookies", header: []string{"Cookie: session={op}; __Host-session={op}; api_key={key}; Authorization=Bearer {key}"}, want: []int{401}},
		{name: "cookies for operators", target: "/api/v1/status", header: []string{"Cookie: session={op}; token={op}; Authorization=Bearer {op}"}, want: []int{401}},
		{name: "operator's token in the address", target: "/api/v1/status?key={op}", want: []int{401}},
		{name: "basic", header: []string{"Authorization: Basic " + basic}, want: []int{401}},
		{name: "no scheme", header: []string{"Authorization: {key}"}, want: []int{401}},
		{name: "underscore", header: []string{"x_api_key: {key}", "X-Api_Key: {key}"}, want: []int{401}},
		{name: "proxy's", header: []string{"Proxy-Authorization: Bearer {key}", "X-Authorization: Bearer {key}"}, want: []int{401}},
		{name: "who proxies say", target: "/api/v1/status", header: []string{"X-Remote-User: operator", "X-Forwarded-User: operator", "X-Auth-Request-Email: a@acme.test", "X-User-Role: admin"}, want: []int{401}},
		{name: "another address in a header", target: "/api/v1/status", header: []string{"X-Original-URL: /healthz", "X-Rewrite-URL: /healthz", "X-Forwarded-Prefix: /healthz", "X-Forwarded-Path: /healthz"}, want: []int{401}},
		{name: "host that is a path", target: "/api/v1/status", header: []string{"Host: hub.test/healthz?"}, want: []int{400, 401}},
		{name: "host on loopback", target: "/api/v1/status", header: []string{"Host: localhost"}, want: []int{401}},
		{name: "two hosts", header: []string{"Host: hub.test", "Host: other.test", "Authorization: Bearer {key}"}, want: []int{400}},
		{name: "whole address", target: "http://other.test/api/v1/status", want: []int{401}},
		{name: "folded", header: []string{"Authorization: Bearer", " {other}"}, want: []int{400, 401}},
		{name: "space before the colon", header: []string{"Authorization : Bearer {key}"}, want: []int{400}},
		{name: "NUL", header: []string{"Authorization: Bearer {key}\x00"}, want: []int{400}},
		{name: "bare line feed", header: []string{"X-A: b\nAuthorization: Bearer {key}\r\nX-C: d"}, want: []int{200, 400}},
		{name: "tenant in a header", target: "/v1/key", header: []string{"Authorization: Bearer {key}", "X-Tenant: other", "X-Llmhub-Tenant: other", "OpenAI-Organization: other"}, want: []int{200}, says: `"tenant":"acme"`},
		{name: "long", header: []string{"Authorization: Bearer {key}", "X-Long: " + strings.Repeat("x", 33<<10)}, want: []int{431}},
		{name: "many", header: append([]string{"Authorization: Bearer {key}"}, strings.Split(strings.Repeat("X-Many: 0123456789\n", 3000), "\n")[:3000]...), want: []int{431}},
		{name: "longer than the connection takes", header: []string{"X-Long: " + strings.Repeat("x", 300<<10)}, want: []int{431}},
	}...)
	r.fire(t, shots)
}

// attackRoutes looks for a way around the router: other methods, other spellings, one
// request inside another.
func attackRoutes(t *testing.T, r *attackRange) {
	op, viewer, key := "Authorization: Bearer {op}", "Authorization: Bearer {viewer}", "Authorization: Bearer {key}"
	const model = `{"name":"new","targets":[{"provider":"openai","model":"gpt-fake"}]}`
	var shots []shot
	for _, header := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
		shots = append(shots,
			shot{name: header + " removes", target: "/api/v1/models/fake-openai", header: []string{op, header + ": DELETE"}, want: []int{200}},
			shot{name: header + " hides", target: "/api/v1/models", header: []string{viewer, header + ": GET"}, body: model, want: []int{403}},
		)
	}
	for _, target := range []string{
		"/api/v1/../v1/status", "/v1/../api/v1/status", "//api/v1/status", "/api//v1/status", "/api/v1/status/", "/API/v1/status", "/api/v1/%73tatus", "/api%2fv1%2fstatus",
		"/api/v1/status%00", "/api/v1/status;x=y", "/api/v1/./status", "/v1/%2e%2e/api/v1/status", "/api/v1/status%20", `/api\v1\status`, "/healthz/../api/v1/status", "/healthz/..%2fapi/v1/status", "/readyz;/api/v1/status",
	} {
		shots = append(shots,
			shot{name: target + " without a token", target: target, want: []int{301, 307, 401, 404}},
			shot{name: target + " with a key", target: target, header: []string{key}, want: []int{301, 307, 401, 404}},
		)
	}
	for _, method := range []string{"TRACE", "CONNECT", "OPTIONS", "PROPFIND", "PUT", "get", "DELETE"} {
		shots = append(shots,
			shot{name: method + " without a token", method: method, target: "/api/v1/models", want: []int{204, 400, 401, 404, 405}},
			shot{name: method + " on a model", method: method, target: "/v1/models", header: []string{key}, want: []int{204, 400, 404, 405}},
		)
	}
	shots = append(shots, []shot{
		{name: "method in the query", target: "/api/v1/models/fake-openai?_method=DELETE", header: []string{op}, want: []int{400}, says: "_method"},
		{name: "two lengths", target: "/api/v1/models", header: []string{op, "Content-Length: 5", "Content-Length: 6"}, body: "{}   {}", want: []int{400}},
		{name: "length and chunks", target: "/api/v1/models", header: []string{viewer, "Content-Length: 4", "Transfer-Encoding: chunked"}, body: "0\r\n\r\nGET /api/v1/status HTTP/1.1\r\nHost: a\r\n\r\n", want: []int{400, 403}},
		{name: "odd coding", target: "/api/v1/models", header: []string{op, "Transfer-Encoding: xchunked"}, body: "0\r\n\r\n", want: []int{400, 501}},
		{name: "chunks twice", target: "/api/v1/models", header: []string{op, "Transfer-Encoding: chunked", "Transfer-Encoding: identity"}, body: "0\r\n\r\n", want: []int{400, 501}},
		{name: "bad chunk", target: "/api/v1/models", header: []string{op, "Transfer-Encoding: chunked"}, body: "zz\r\n{}\r\n0\r\n\r\n", want: []int{400}},
	}...)
	r.fire(t, shots)
	for _, method := range []string{"OPTIONS", "GET"} {
		a := shot{name: "cross-origin", method: method, target: "/api/v1/status", header: []string{op, "Origin: https://evil.test", "Access-Control-Request-Method: GET"}}.send(t, r)
		for name := range a.header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("an answer for operators says %s: %s", name, a.header.Get(name))
			}
		}
	}
}

// attackBrowsers reads what a browser is told of every kind of answer.
func attackBrowsers(t *testing.T, r *attackRange) {
	for _, target := range []string{"/api/v1/status", "/api/nothing", "/healthz", "/readyz", "/v1/models", "/nothing"} {
		a := shot{name: target, target: target, header: []string{"Origin: https://evil.test"}}.send(t, r)
		want := map[string]string{"X-Content-Type-Options": "nosniff"}
		if !strings.HasPrefix(target, "/v1") && target != "/nothing" {
			want["Content-Security-Policy"], want["Cache-Control"] = "default-src 'none'; frame-ancestors 'none'", "no-store"
			want["Cross-Origin-Resource-Policy"], want["Cross-Origin-Opener-Policy"] = "same-origin", "same-origin"
		}
		for name, value := range want {
			if got := a.header.Get(name); got != value {
				t.Errorf("%s: %s is %q, want %q", target, name, got, value)
			}
		}
	}
}

// attackIDs puts paths, wildcards, subjects and queries where ids go.
func attackIDs(t *testing.T, r *attackRange) {
	var shots []shot
	for _, id := range []string{
		"..%2f..%2fetc%2fpasswd", "%2e%2e%2f%2e%2e%2fmaster.key", "..%5c..%5cmaster.key", "....%2f%2f", "%252e%252e%252f", "%c0%ae%c0%ae%2f", "%00", "a%00b", "%0a", "%ff%fe", "%", "%zz",
		"*", "%3E", "a.b.%3E", "$SYS.%3E", "$KV.HUB_KEYS.%3E", "'%20OR%201=1%20--", "%27;DROP%20TABLE%20requests", "%7B%22$gt%22:%22%22%7D", "__proto__", "constructor", "-", ".", "%20", "%E2%80%AE", strings.Repeat("a", 5000),
	} {
		for _, path := range []string{"/api/v1/requests/", "/api/v1/providers/", "/api/v1/credentials/openai/", "/api/v1/keys/acme/", "/api/v1/keys/", "/api/v1/tenants/", "/api/v1/users/acme/", "/api/v1/tokens/"} {
			for _, method := range []string{"GET", "DELETE"} {
				shots = append(shots, shot{name: method + path + id, method: method, target: path + id, header: []string{"Authorization: Bearer {op}"}, want: []int{301, 307, 400, 404, 405}})
			}
		}
		for _, path := range []string{"/v1/models/", "/v1/responses/", "/v1beta/models/"} {
			shots = append(shots, shot{name: path + id, target: path + id, header: []string{"Authorization: Bearer {key}"}, want: []int{301, 307, 400, 404}})
		}
	}
	shots = append(shots,
		shot{name: "query of a filter", target: "/api/v1/requests?from=2026-11-01&to=2026-11-02&model=%27)%20OR%201=1%20--", header: []string{"Authorization: Bearer {op}"}, want: []int{200}, says: `"rows":[]`},
		shot{name: "cursor", target: "/api/v1/requests?from=2026-11-01&to=2026-11-02&cursor=%27)%20OR%201=1%20--", header: []string{"Authorization: Bearer {op}"}, want: []int{400}},
		shot{name: "order of a list", target: "/api/v1/models?after=..%2f%00%27", header: []string{"Authorization: Bearer {op}"}, want: []int{200}},
		shot{name: "column", target: "/api/v1/usage?from=2026-11-01&to=2026-11-02&group_by=model)%20FROM%20system.users%20--", header: []string{"Authorization: Bearer {op}"}, want: []int{400}},
	)
	r.fire(t, shots)
}
