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
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// bucket is the only one of [S3].
const bucket = "hub-test"

// S3 runs a storage that speaks S3, empty and in memory, on loopback until the test
// ends. It returns the location of an empty prefix in it, and the variables that
// reach it.
func S3(t *testing.T) (location string, env func(string) (string, bool)) {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	fake := gofakes3.New(backend, gofakes3.WithTimeSkewLimit(0), gofakes3.WithoutVersioning()).Server()
	server := httptest.NewServer(unchunked(fake))
	t.Cleanup(server.Close)
	vars := map[string]string{"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test-secret"}
	location = "s3://" + bucket + "/hub?region=eu-central-1&endpoint=" + url.QueryEscape(server.URL)
	return location, func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
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
