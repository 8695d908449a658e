package objectstore_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/projector/objectstore"
	"github.com/llm-hub/llm-hub/projector/objectstore/objectstoretest"
)

func noEnv(string) (string, bool) { return "", false }

func TestConformance(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		objectstoretest.Run(t, func(*testing.T) objectstore.Store { return objectstoretest.NewMemory() })
	})
	t.Run("dir", func(t *testing.T) {
		objectstoretest.Run(t, func(t *testing.T) objectstore.Store { return open(t, filepath.Join(t.TempDir(), "a", "store"), noEnv) })
	})
	t.Run("s3", func(t *testing.T) {
		objectstoretest.Run(t, func(t *testing.T) objectstore.Store {
			location, env := objectstoretest.S3(t)
			return open(t, location, env)
		})
	})
}

func open(t *testing.T, location string, env func(string) (string, bool)) objectstore.Store {
	t.Helper()
	s, err := objectstore.Open(location, env)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOpenRefuses(t *testing.T) {
	for location, want := range map[string]string{
		"":                                    "no location",
		"gs://bucket":                         "gs is neither",
		"s3://":                               "s3://bucket/prefix",
		"s3://bucket:99/x":                    "s3://bucket/prefix",
		"s3://id:secret@bucket/x":             "credentials do not belong",
		"s3://bucket/../x":                    "prefix",
		"s3://bucket/x?enpoint=https://h":     "enpoint",
		"s3://bucket/x?endpoint=h:9":          "endpoint",
		"s3://bucket/x?endpoint=ftp://h":      "endpoint",
		"s3://bucket/x?endpoint=https://h/b/": "endpoint",

		"gs://id:secret@bucket":                        "gs is neither",
		"s3://bucket:secret@x/y":                       "credentials do not belong",
		"s3://id:secret@bucket/%zz":                    "not a URL",
		"s3://bucket/x?key=secret":                     "key",
		"s3://bucket/x?endpoint=https://id:secret@h":   "credentials do not belong",
		"s3://bucket/x?endpoint=https://id:secret@h:x": "endpoint",
	} {
		if _, err := objectstore.Open(location, noEnv); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", location, err, want)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q is refused by an error that shows what might be a secret: %v", location, err)
		}
	}
}

// TestKilledPut: what a process leaves that dies while it puts is no object, and is
// removed when it is surely nobody's any more.
func TestKilledPut(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, noEnv)
	if err := s.Put(t.Context(), "folder/x", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	old, young := filepath.Join(dir, "folder", ".put-1"), filepath.Join(dir, "folder", ".put-2")
	for _, file := range []string{old, young} {
		if err := os.WriteFile(file, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, noEnv)
	if list, err := s.List(t.Context(), ""); err != nil || len(list) != 1 || list[0].Name != "folder/x" {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old file: %v", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("the young file may still be written: %v", err)
	}
}

// TestS3Refuses: a storage that refuses is not one without the object, and its word
// is told without a secret.
func TestS3Refuses(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Authorization"))
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`<Error><Code>AccessDenied</Code><Message>not yours</Message></Error>`))
	}))
	defer server.Close()
	env := map[string]string{"AWS_ACCESS_KEY_ID": "key-id", "AWS_SECRET_ACCESS_KEY": "canary-secret", "AWS_ENDPOINT_URL_S3": server.URL, "AWS_REGION": "eu-north-1"}
	s := open(t, "s3://bucket/p", func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	_, getErr := s.Get(t.Context(), "x")
	_, listErr := s.List(t.Context(), "")
	for what, err := range map[string]error{
		"get": getErr, "list": listErr, "put": s.Put(t.Context(), "x", strings.NewReader("x")), "delete": s.Delete(t.Context(), "x"),
	} {
		if err == nil || errors.Is(err, objectstore.ErrNotFound) || !strings.Contains(err.Error(), "not yours") || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, auth := range asked {
		if !strings.Contains(auth, "Credential=key-id/") || !strings.Contains(auth, "/eu-north-1/s3/") {
			t.Errorf("signed as %q", auth)
		}
	}
	if len(asked) != 4 {
		t.Errorf("%d requests, want 4", len(asked))
	}
}

// TestNoBucket: a bucket that is not there is told from one without the object.
func TestNoBucket(t *testing.T) {
	location, env := objectstoretest.S3(t)
	s := open(t, strings.Replace(location, "s3://", "s3://other-", 1), env)
	_, getErr := s.Get(t.Context(), "x")
	_, listErr := s.List(t.Context(), "")
	for what, err := range map[string]error{
		"get": getErr, "list": listErr, "put": s.Put(t.Context(), "x", strings.NewReader("x")), "delete": s.Delete(t.Context(), "x"),
		"put in parts": s.Put(t.Context(), "x", io.MultiReader(strings.NewReader("x"))),
	} {
		if !errors.Is(err, objectstore.ErrNoBucket) || errors.Is(err, objectstore.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
