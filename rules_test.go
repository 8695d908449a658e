package llmhub_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// comparesSecrets matches what compares the text of a Secret by chance of its first letters.
const comparesSecrets = `(==|!=)\s*[\w.\[\]]*\.Reveal\(\)|\.Reveal\(\)\s*(==|!=)\s*[^"\s]|(bytes|strings)\.(Equal|EqualFold|Compare|HasPrefix)\([^)]*Reveal\(\)`

// TestDangerousCalls holds that what is dangerous in a gateway is done in one place only,
// or nowhere: a line of the product that matches is a mistake unless it is in a file that
// may have it. Tests, and the fake vendor and bench beside the product, are free.
func TestDangerousCalls(t *testing.T) {
	rules := []struct {
		what    string
		words   string // one of which is in everything that matches: to look for them is much faster
		pattern string
		allowed []string // files
		reason  string
	}{
		{
			"secrets compared in a time that tells something", "Reveal()", comparesSecrets,
			nil, "use Secret.Equal, or look up by hash",
		},
		{"certificates that are not verified", "InsecureSkipVerify VerifyPeerCertificate tls.VersionTLS1", `InsecureSkipVerify|VerifyPeerCertificate|tls\.VersionTLS1[01]`, nil, "verification cannot be switched off"},
		{
			"a way out that guards no addresses", "http.Default http.Proxy http.Get http.Post http.Head http.Transport http.Client net.Dial", `http\.(DefaultClient|DefaultTransport|ProxyFromEnvironment)\b|http\.(Get|Post|PostForm|Head)\(|http\.(Transport|Client)\{|net\.(Dial|Dialer|DialTimeout)\b`,
			[]string{
				"gateway/outbound/transport.go",         // the guard itself
				"gateway/sso/provider.go",               // around the transport it is given
				"client/client.go",                      // of programs that operate a hub
				"cmd/llm-hub/offline.go",                // to itself, by a pipe
				"events/natslog/clustertest/monitor.go", // for tests
			}, "package outbound is the only way to a vendor",
		},
		{
			"processes that are started", "exec.Command syscall.Exec syscall.ForkExec os.StartProcess", `exec\.Command|syscall\.(Exec|ForkExec)|os\.StartProcess`,
			[]string{
				"projector/clickhouse/embedded/process.go", // the engine: the hub's own binary
				"cmd/llm-hub/demo.go",                      // the demo's vendor, beside the binary
				"events/natslog/clustertest/process.go",    // for tests
			}, "the hub starts nothing that anybody can choose",
		},
		{
			"servers without time-outs", "http.ListenAndServe http.Serve httptest.", `http\.ListenAndServe|http\.Serve\(|httptest\.|http\.Server\{`,
			[]string{
				"gateway/web/serve.go",                        // see TestServesUntilStopped
				"projector/clickhouse/embedded/child.go",      // on loopback, between two processes of one hub
				"cmd/llm-hub/offline.go",                      // to itself, by a pipe
				"projector/objectstore/objectstoretest/s3.go", // for tests
			}, "serve by web.Serve",
		},
		{"weak hashes and chance that can be guessed", "crypto/ math/rand", `"crypto/(md5|sha1|des|rc4)"|"math/rand"`, nil, "use crypto/sha256 and crypto/rand; math/rand/v2 is for jitter"},
		{"profiles and variables for everybody", "pprof expvar", `"net/http/pprof"|"expvar"`, nil, "they tell what is in memory"},
		{"HTML that is put together", "template.", `template\.(HTML|JS|URL|CSS)\(`, nil, "what people say is text"},
		{"text of a request in a statement", "'%", `"[^"]*\b(SELECT|INSERT|WHERE|ALTER|DROP)\b[^"]*'%[sv]'`, nil, "bind parameters"},
	}
	files := productFiles(t)
	for _, r := range rules {
		pattern, words := regexp.MustCompile(r.pattern), strings.Fields(r.words)
		used := map[string]bool{}
		for file, src := range files {
			if !containsOne(src, words) {
				continue
			}
			for n, line := range strings.Split(src, "\n") {
				if !containsOne(line, words) {
					continue
				}
				code, _, _ := strings.Cut(line, "//")
				if strings.Contains(line, "://") {
					code = line
				}
				if !pattern.MatchString(code) {
					continue
				}
				used[file] = true
				if !slices.Contains(r.allowed, file) {
					t.Errorf("%s:%d: %s: %s\n%s", file, n+1, r.what, r.reason, strings.TrimSpace(line))
				}
			}
		}
		for _, file := range r.allowed {
			if !used[file] {
				t.Errorf("%s: %s needs no exception any more", r.what, file)
			}
		}
	}
}

func containsOne(text string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// TestComparedSecretsAreFound keeps that pattern from matching nothing.
func TestComparedSecretsAreFound(t *testing.T) {
	pattern := regexp.MustCompile(comparesSecrets)
	for line, found := range map[string]bool{
		`if key.Reveal() == given {`: true, `if given != s.key.Reveal() {`: true, `strings.EqualFold(a, key.Reveal())`: true, `bytes.Equal([]byte(key.Reveal()), b)`: true,
		`if key.Reveal() == "" {`: false, `digest() == digest(key.Reveal())`: false, `key.Equal(other)`: false, `ok := true; use(key.Reveal())`: false,
	} {
		if pattern.MatchString(line) != found {
			t.Errorf("%s: found %t", line, !found)
		}
	}
}

// productFiles are the Go files of the product itself, by their paths.
func productFiles(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, dir := range goDirs(t) {
		if strings.HasPrefix(dir, "cmd/fake-llm") || strings.HasPrefix(dir, "cmd/llm-bench") {
			continue
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			out[file] = string(src)
		}
	}
	if len(out) == 0 {
		t.Fatal("there are no files")
	}
	return out
}
