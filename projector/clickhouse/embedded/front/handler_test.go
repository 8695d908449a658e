package front_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/chdb"
	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/front"
)

const (
	testUser     = "user"
	testPassword = "secret"
	testMaxBody  = 1 << 20
)

// fakeEngine answers through a function and notes what it was asked.
type fakeEngine struct {
	answer func(st chdb.Statement, w io.Writer) error

	mu   sync.Mutex
	seen []chdb.Statement
	open int
}

func (f *fakeEngine) connect() (front.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open++
	return fakeSession{f}, nil
}

// statements are those seen since the last call, without the ones that prepare a session.
func (f *fakeEngine) statements() []chdb.Statement {
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := f.seen
	f.seen = nil
	return seen
}

type fakeSession struct{ *fakeEngine }

func (f fakeSession) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open--
}

func (f fakeSession) Run(st chdb.Statement, w io.Writer) error {
	switch {
	case strings.HasSuffix(st.SQL, "version()"):
		_, err := io.WriteString(w, "26.7\n")
		return err
	case strings.HasSuffix(st.SQL, "Name()"), strings.HasSuffix(st.SQL, "zone()"):
		_, err := io.WriteString(w, "UTC\n")
		return err
	}
	f.mu.Lock()
	f.seen = append(f.seen, st)
	f.mu.Unlock()
	if f.answer == nil || strings.HasPrefix(st.SQL, "SET ") || strings.HasPrefix(st.SQL, "USE ") {
		return nil
	}
	return f.answer(st, w)
}

// serve runs a handler over the fake.
func serve(t *testing.T, f *fakeEngine) (*front.Handler, string) {
	t.Helper()
	h, err := front.New(front.Config{
		Connect: f.connect, User: testUser, Password: testPassword, Database: "hub",
		Concurrency: 1, QueueWait: 10 * time.Millisecond, BodyTimeout: time.Second, MaxBody: testMaxBody,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(func() {
		server.Close()
		h.Close()
		if f.open != 0 {
			t.Errorf("%d engine connections left open", f.open)
		}
	})
	return h, server.URL
}

type answer struct {
	status int
	header http.Header
	body   string
}

// post sends a request with the right credentials.
func post(t *testing.T, url string, body []byte, change func(*http.Request)) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(testUser, testPassword)
	if change != nil {
		change(r)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(text)}
}

func TestStatementsReachTheEngine(t *testing.T) {
	prepare := func(set, use string) []chdb.Statement {
		return []chdb.Statement{{SQL: set, Format: "Null"}, {SQL: use, Format: "Null"}}
	}
	tests := map[string]struct {
		query, body string
		want        []chdb.Statement
	}{
		"select in the body": {
			"default_format=Native&max_threads=2&database=o`o&log_comment=it's", "SELECT 1",
			append(prepare(`SET log_comment = '1 it\'s', max_threads = '2'`, "USE `o\\`o`"), chdb.Statement{Kind: chdb.Stream, SQL: "SELECT 1", Format: "Native"}),
		},
		"parameters": {
			"param_a=x%09y", "SELECT {a:String}",
			append(prepare("SET log_comment = '1 '", "USE `hub`"),
				chdb.Statement{Kind: chdb.Stream, SQL: "SELECT {a:String}", Format: "TabSeparated", Params: map[string]string{"a": "x\ty"}}),
		},
		"format that does not stream": {
			"", "SELECT 1 FORMAT Parquet",
			append(prepare("SET log_comment = '1 '", "USE `hub`"), chdb.Statement{SQL: "SELECT 1 FORMAT Parquet", Format: "TabSeparated"}),
		},
		"insert": {
			"query=INSERT+INTO+t+FORMAT+Native", "\n\nDROP TABLE t;",
			append(prepare("SET log_comment = '1 '", "USE `hub`"), chdb.Statement{Kind: chdb.Insert, SQL: "INSERT INTO t ", Format: "Native", Data: []byte("\n\nDROP TABLE t;")}),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var f fakeEngine
			_, url := serve(t, &f)
			if got := post(t, url+"/?"+test.query, []byte(test.body), nil); got.status != http.StatusOK || got.body != "" {
				t.Fatalf("answer = %+v", got)
			}
			if diff := cmp.Diff(test.want, f.statements()); diff != "" {
				t.Errorf("statements (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	var f fakeEngine
	_, url := serve(t, &f)
	tests := map[string]struct {
		query, body string
		change      func(*http.Request)
		status      int
		code        string
	}{
		"wrong password":      {"", "SELECT 1", func(r *http.Request) { r.SetBasicAuth(testUser, "x") }, 403, "516"},
		"no password":         {"", "SELECT 1", func(r *http.Request) { r.Header.Del("Authorization") }, 403, "516"},
		"method GET":          {"query=SELECT+1", "", func(r *http.Request) { r.Method = http.MethodGet }, 400, "36"},
		"empty":               {"", " ", nil, 400, "62"},
		"body with a select":  {"query=SELECT+1", "x", nil, 400, "36"},
		"session":             {"session_id=x", "SELECT 1", nil, 501, "48"},
		"password in the URL": {"password=x", "SELECT 1", nil, 501, "48"},
		"setting's name":      {"a%3D1%2C+b=2", "SELECT 1", nil, 400, "36"},
		"protocol version":    {"client_protocol_version=x", "SELECT 1", nil, 400, "36"},
		"too large":           {"query=INSERT+INTO+t+FORMAT+CSV", strings.Repeat("x", testMaxBody+1), nil, 413, "229"},
		"too large inside": {"query=INSERT+INTO+t+FORMAT+CSV", gzipped(strings.Repeat("x", testMaxBody+1)),
			func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, 413, "229"},
		"not gzip":             {"", "SELECT 1", func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, 500, "271"},
		"unknown encoding":     {"", "SELECT 1", func(r *http.Request) { r.Header.Set("Content-Encoding", "br") }, 501, "48"},
		"not blocks":           {"decompress=1&query=INSERT+INTO+t+FORMAT+CSV", "1,2,3", nil, 500, "271"},
		"block without a body": {"decompress=1&query=INSERT+INTO+t+FORMAT+CSV", block(t, "1\n")[:25], nil, 500, "271"},
		"too large in blocks": {"decompress=1&query=INSERT+INTO+t+FORMAT+CSV",
			block(t, strings.Repeat("x", testMaxBody)) + block(t, "1"), nil, 413, "229"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := post(t, url+"/?"+test.query, []byte(test.body), test.change)
			if got.status != test.status || got.header.Get("X-ClickHouse-Exception-Code") != test.code {
				t.Errorf("answer = %d %s %q, want %d with code %s", got.status, got.header.Get("X-ClickHouse-Exception-Code"), got.body, test.status, test.code)
			}
			if seen := f.statements(); len(seen) > 0 {
				t.Errorf("the engine saw %+v", seen)
			}
		})
	}
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// block is a text as one of ClickHouse's compressed blocks.
func block(t *testing.T, text string) string {
	t.Helper()
	w := compress.NewWriter(compress.LevelZero, compress.LZ4)
	if err := w.Compress([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return string(w.Data)
}

func TestManyBlocksAreOneBody(t *testing.T) {
	var f fakeEngine
	_, url := serve(t, &f)
	long := strings.Repeat("0123456789", 20_000)
	got := post(t, url+"/?decompress=1&query=INSERT+INTO+t+FORMAT+CSV", []byte(block(t, "1\n")+block(t, "")+block(t, long)), nil)
	if got.status != http.StatusOK {
		t.Fatalf("answer = %+v", got)
	}
	seen := f.statements()
	if data := string(seen[len(seen)-1].Data); data != "1\n"+long {
		t.Errorf("%d bytes of data, want %d", len(data), len(long)+2)
	}
}

func TestExceptions(t *testing.T) {
	exception := chdb.ParseError("Code: 60. DB::Exception: Code: 60. DB::Exception: No such table. (UNKNOWN_TABLE)\n")
	const text = "Code: 60. DB::Exception: No such table. (UNKNOWN_TABLE) (version 26.7)"
	t.Run("early", func(t *testing.T) {
		f := fakeEngine{answer: func(chdb.Statement, io.Writer) error { return exception }}
		_, url := serve(t, &f)
		got := post(t, url, []byte("SELECT 1"), nil)
		if got.status != http.StatusNotFound || got.header.Get("X-ClickHouse-Exception-Code") != "60" || got.body != text+"\n" {
			t.Errorf("answer = %+v", got)
		}
	})
	t.Run("in mid-stream", func(t *testing.T) {
		f := fakeEngine{answer: func(_ chdb.Statement, w io.Writer) error {
			if _, err := io.WriteString(w, "rows"); err != nil {
				return err
			}
			return exception
		}}
		_, url := serve(t, &f)
		for query, rows := range map[string]string{"": "rows", "?compress=1": block(t, "rows")} {
			got := post(t, url+"/"+query, []byte("SELECT 1"), nil)
			tag := got.header.Get("X-ClickHouse-Exception-Tag")
			want := rows + "\r\n__exception__\r\n" + tag + "\r\n" + text + "\n" + "70 " + tag + "\r\n__exception__\r\n"
			if got.status != http.StatusOK || len(tag) != 16 || got.body != want {
				t.Errorf("%q: answer = %d %q, want %q", query, got.status, got.body, want)
			}
		}
	})
	t.Run("of unknown kind", func(t *testing.T) {
		f := fakeEngine{answer: func(chdb.Statement, io.Writer) error { return errors.New("odd") }}
		_, url := serve(t, &f)
		if got := post(t, url, []byte("SELECT 1"), nil); got.status != http.StatusInternalServerError || !strings.HasPrefix(got.body, "Code: 1002. DB::Exception: odd. (UNKNOWN_EXCEPTION)") {
			t.Errorf("answer = %+v", got)
		}
	})
}

// killable is an engine whose first statement begins on started and runs until it is killed.
func killable(started chan<- struct{}) *fakeEngine {
	killed := make(chan struct{})
	kill := sync.OnceFunc(func() { close(killed) })
	return &fakeEngine{answer: func(st chdb.Statement, _ io.Writer) error {
		if strings.HasPrefix(st.SQL, "KILL") {
			if strings.HasPrefix(st.SQL, "KILL QUERY WHERE startsWith(Settings['log_comment'], '1 ')") {
				kill()
			}
			return nil
		}
		close(started)
		<-killed
		return chdb.NewError(chdb.CodeQueryWasCancelled, "QUERY_WAS_CANCELLED", "Query was cancelled")
	}}
}

func TestStopKillsAndRefuses(t *testing.T) {
	started := make(chan struct{})
	h, url := serve(t, killable(started))
	result := make(chan answer, 1)
	go func() { result <- post(t, url, []byte("ALTER TABLE t DELETE WHERE 1"), nil) }()
	<-started
	if got := post(t, url, []byte("SELECT 1"), nil); got.header.Get("X-ClickHouse-Exception-Code") != "202" {
		t.Errorf("beyond the bound: %+v, want code 202", got)
	}
	h.Stop()
	if got := <-result; got.header.Get("X-ClickHouse-Exception-Code") != "394" {
		t.Errorf("running statement: %+v, want code 394", got)
	}
	if got := post(t, url, []byte("SELECT 1"), nil); got.status != http.StatusServiceUnavailable {
		t.Errorf("after Stop: %+v, want 503", got)
	}
}

func TestClientThatLeavesEndsItsQuery(t *testing.T) {
	started := make(chan struct{})
	_, url := serve(t, killable(started)) // ends only when nothing runs any more
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("SELECT 1"))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(testUser, testPassword)
	go func() {
		<-started
		cancel()
	}()
	if response, err := http.DefaultTransport.RoundTrip(r); err == nil {
		response.Body.Close()
		t.Error("a cancelled request was answered")
	}
}

func TestHello(t *testing.T) {
	var f fakeEngine
	_, url := serve(t, &f)
	const question = "SELECT displayName(), version(), revision(), timezone()"
	got := post(t, url+"/?default_format=Native&client_protocol_version=54460", []byte(question), nil)
	if !strings.HasPrefix(got.body, "\x01\x00\x02\xff\xff\xff\xff\x00\x04\x01") || !strings.Contains(got.body, "\x0arevision()\x06UInt32\x00\x00\x00\x00\x00") {
		t.Errorf("hello = %q", got.body)
	}
	if len(f.statements()) != 0 {
		t.Error("the engine was asked")
	}
	_ = post(t, url+"/?default_format=Native", []byte(question), nil)
	if len(f.statements()) == 0 {
		t.Error("the engine was not asked by a client without protocol version")
	}
}

func TestOtherPaths(t *testing.T) {
	var f fakeEngine
	_, url := serve(t, &f)
	if got := post(t, url+"/ping", nil, func(r *http.Request) { r.Header.Del("Authorization") }); got.status != http.StatusOK || got.body != "Ok.\n" {
		t.Errorf("ping = %+v", got)
	}
	if got := post(t, url+"/play", nil, nil); got.status != http.StatusNotFound {
		t.Errorf("other path = %+v", got)
	}
}

func FuzzBlocks(f *testing.F) {
	valid := compress.NewWriter(compress.LevelZero, compress.LZ4)
	if err := valid.Compress([]byte("1,2,3\n")); err != nil {
		f.Fatal(err)
	}
	f.Add(valid.Data)
	f.Add(binary.LittleEndian.AppendUint64(nil, 1))
	var engine fakeEngine
	h, err := front.New(front.Config{
		Connect: engine.connect, User: testUser, Password: testPassword, Database: "hub",
		Concurrency: 1, QueueWait: time.Second, BodyTimeout: time.Second, MaxBody: testMaxBody,
	})
	if err != nil {
		f.Fatal(err)
	}
	server := httptest.NewServer(h)
	f.Cleanup(server.Close)
	f.Fuzz(func(t *testing.T, body []byte) {
		got := post(t, server.URL+"/?decompress=1&query=INSERT+INTO+t+FORMAT+CSV", body, nil)
		if got.status != http.StatusOK && got.header.Get("X-ClickHouse-Exception-Code") == "" {
			t.Errorf("answer = %+v", got)
		}
	})
}
