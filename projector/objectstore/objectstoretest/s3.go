package objectstoretest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// bucket is the only one of a [Server].
const bucket = "hub-test"

// Server is a storage that speaks S3, in memory, on loopback.
type Server struct {
	Location string            // of an empty prefix in its only bucket
	Vars     map[string]string // the variables that reach it
	before   atomic.Pointer[http.HandlerFunc]
}

// StartS3 runs an empty one until the test ends. Who comes with another key than that of
// Vars is refused.
func StartS3(t *testing.T) *Server {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	fake := gofakes3.New(backend, gofakes3.WithTimeSkewLimit(0), gofakes3.WithoutVersioning()).Server()
	s := &Server{Vars: map[string]string{"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test-secret"}}
	server := httptest.NewServer(s.refusing(unchunked(fake)))
	t.Cleanup(server.Close)
	s.Location = "s3://" + bucket + "/hub?region=eu-central-1&endpoint=" + url.QueryEscape(server.URL)
	return s
}

// Before has each request seen by f first, which may delay or answer it; nil: nobody
// sees it. What f has written to is answered.
func (s *Server) Before(f http.HandlerFunc) { s.before.Store(&f) }

// Env looks a variable up.
func (s *Server) Env(name string) (string, bool) { v, ok := s.Vars[name]; return v, ok }

// answered tells whether something was written.
type answered struct {
	http.ResponseWriter
	yes bool
}

// WriteHeader implements [http.ResponseWriter].
func (a *answered) WriteHeader(status int) { a.yes = true; a.ResponseWriter.WriteHeader(status) }

// Refuse answers as S3 does.
func Refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
}

func (s *Server) refusing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization"), "Credential="+s.Vars["AWS_ACCESS_KEY_ID"]+"/") {
			Refuse(w, http.StatusForbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
			return
		}
		if f := s.before.Load(); f != nil && *f != nil {
			seen := &answered{ResponseWriter: w}
			if (*f)(seen, r); seen.yes {
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// S3 is the location of a [Server] of its own and the variables that reach it.
func S3(t *testing.T) (location string, env func(string) (string, bool)) {
	t.Helper()
	s := StartS3(t)
	return s.Location, s.Env
}

// listPage is how many objects the fake lists at once: so few objects are several pages.
const listPage = "10"

// unchunked gives the fake plain bodies of known length: of a part of an object it
// takes the frames of the signature for content, and an empty object it refuses.
// And it makes its lists short.
func unchunked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
			body, err := unframe(r.Body)
			if err != nil || strconv.Itoa(len(body)) != r.Header.Get("X-Amz-Decoded-Content-Length") {
				http.Error(w, fmt.Sprint("incomplete body: ", err), http.StatusBadRequest)
				return
			}
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
		}
		if r.Method == http.MethodPut {
			r.Header.Set("Content-Length", strconv.FormatInt(max(r.ContentLength, 0), 10))
		}
		if q := r.URL.Query(); q.Has("list-type") {
			q.Set("max-keys", listPage)
			r.URL.RawQuery = q.Encode()
		}
		next.ServeHTTP(w, r)
	})
}

// unframe takes the content out of frames `<length in hex>;<signature>\r\n<content>\r\n`.
func unframe(r io.Reader) ([]byte, error) {
	var out bytes.Buffer
	for in := bufio.NewReader(r); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		length, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		n, err := strconv.ParseInt(length, 16, 64)
		if err != nil || n == 0 {
			return out.Bytes(), err
		}
		if _, err := io.CopyN(&out, in, n); err != nil {
			return nil, err
		}
		if _, err := in.Discard(len("\r\n")); err != nil {
			return nil, err
		}
	}
}
