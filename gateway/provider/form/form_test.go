package form_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway/provider/form"
)

const boundary = "----x1"

// sample is a form as clients write it, the file before the model.
func sample(file string) string {
	return strings.ReplaceAll("--"+boundary+`
Content-Disposition: form-data; name="file"; filename="a \"b\".mp3"
Content-Type: audio/mpeg
X-New: kept

`+file+`
--`+boundary+`
Content-Disposition: form-data; name="model"

smart
--`+boundary+`
Content-Disposition: form-data; name="x_new[]"

1
--`+boundary+`--
`, "\n", "\r\n")
}

func read(t *testing.T, s *form.Store, r io.Reader) *form.Form {
	t.Helper()
	f, err := s.Read(r, "multipart/form-data; boundary="+boundary)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// spliced gives the parts of a form whose model is another.
func spliced(t *testing.T, f *form.Form) string {
	t.Helper()
	open, size := f.With("model", "whisper-1")
	first, err := io.ReadAll(open())
	if err != nil {
		t.Fatal(err)
	}
	again, err := io.ReadAll(open())
	if err != nil || !bytes.Equal(first, again) || int64(len(first)) != size {
		t.Errorf("%d bytes, then %d, of %d: %v", len(first), len(again), size, err)
	}
	return string(first)
}

func TestReadAndSplice(t *testing.T) {
	for _, size := range []int{0, 10, 300_000} {
		chunkings := map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "halves": iotest.HalfReader}
		if size < 100 {
			chunkings["bytes"] = iotest.OneByteReader
		}
		for name, chunking := range chunkings {
			t.Run(fmt.Sprint(size, name), func(t *testing.T) {
				file := strings.Repeat("\x00\xffab\r\n--"[:1+size%7], size)
				f := read(t, form.NewStore(t.TempDir(), 1<<20), chunking(strings.NewReader(sample(file))))
				if len(f.Fields) != 2 || f.Fields[0].Name != "model" || f.Fields[0].Value != "smart" || f.Fields[1].Value != "1" {
					t.Errorf("fields %+v", f.Fields)
				}
				if len(f.Files) != 1 || f.Files[0].Field != "file" || f.Files[0].Name != `a "b".mp3` || f.Files[0].Size() != int64(len(file)) {
					t.Fatalf("files %+v", f.Files)
				}
				got, err := io.ReadAll(io.NewSectionReader(f.Open(&f.Files[0]), 0, f.Files[0].Size()))
				if err != nil || string(got) != file {
					t.Errorf("the file has %d bytes of %d, %v", len(got), len(file), err)
				}
				want := strings.Replace(sample(file), "\r\nsmart\r\n", "\r\nwhisper-1\r\n", 1)
				if diff := cmp.Diff(want, spliced(t, f)); diff != "" {
					t.Error(diff[:min(len(diff), 2000)])
				}
			})
		}
	}
}

func TestWithoutTheField(t *testing.T) {
	f := read(t, form.NewStore("", 0), strings.NewReader(sample("abc")))
	open, size := f.With("absent", "x")
	got, err := io.ReadAll(open())
	if err != nil || string(got) != sample("abc") || size != int64(len(got)) {
		t.Errorf("%d bytes, %v: %s", size, err, got)
	}
}

func TestLongValueIsSentOn(t *testing.T) {
	long := strings.Repeat("a", 70<<10)
	f := read(t, form.NewStore("", 0), strings.NewReader(strings.Replace(sample("abc"), "\r\n1\r\n", "\r\n"+long+"\r\n", 1)))
	if v := f.Fields[1]; v.Whole || v.Value != "" {
		t.Errorf("kept %d bytes", len(v.Value))
	}
	if !strings.Contains(spliced(t, f), long) {
		t.Error("not sent on")
	}
}

func TestRefuses(t *testing.T) {
	kind := "multipart/form-data; boundary=" + boundary
	whole := sample("abc")
	many := strings.Repeat("--"+boundary+"\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n", 257)
	for name, tt := range map[string]struct{ kind, body, want string }{
		"no form":          {"application/json", whole, "Content-Type"},
		"no boundary":      {"multipart/form-data", whole, "Content-Type"},
		"odd boundary":     {`multipart/form-data; boundary="` + strings.Repeat("a", 71) + `"`, whole, "boundary"},
		"nothing":          {kind, "", "not whole"},
		"no parts":         {kind, "abc", "not whole"},
		"torn in a header": {kind, whole[:60], "not whole"},
		"torn in a file":   {kind, whole[:150], "not whole"},
		"torn in a value":  {kind, whole[:strings.Index(whole, "smart")+3], "not whole"},
		"no last line":     {kind, strings.TrimSuffix(whole, "--\r\n"), "not whole"},
		"no name":          {kind, strings.Replace(whole, `name="model"`, `x="model"`, 1), "part 2 has no name"},
		"too many parts":   {kind, many + "--" + boundary + "--\r\n", "more than 256 parts"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := form.NewStore("", 0).Read(strings.NewReader(tt.body), tt.kind)
			if e := new(form.MalformedError); !errors.As(err, &e) || !strings.Contains(e.Reason, tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

func TestClientsErrorIsTold(t *testing.T) {
	gone := errors.New("gone")
	_, err := form.NewStore("", 0).Read(io.MultiReader(strings.NewReader(sample("abc")[:150]), iotest.ErrReader(gone)),
		"multipart/form-data; boundary="+boundary)
	if !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
}

// TestNothingIsLeft: a file in use has no name, and space is given back.
func TestNothingIsLeft(t *testing.T) {
	dir := t.TempDir()
	s := form.NewStore(dir, 1<<20)
	for range 3 { // each of which takes up more than half
		f := read(t, s, strings.NewReader(sample(strings.Repeat("a", 600_000))))
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 && runtime.GOOS != "windows" {
			t.Errorf("there are %v, %v", left, err)
		}
		open, _ := f.With("model", "m")
		f.Close()
		f.Close()
		if _, err := io.ReadAll(open()); !errors.Is(err, os.ErrClosed) {
			t.Errorf("a closed form is read: %v", err)
		}
	}
}

func TestStoreIsFull(t *testing.T) {
	s := form.NewStore(t.TempDir(), 1<<20)
	big := sample(strings.Repeat("a", 600_000))
	first := read(t, s, strings.NewReader(big))
	if _, err := s.Read(strings.NewReader(big), "multipart/form-data; boundary="+boundary); !errors.Is(err, form.ErrFull) {
		t.Errorf("a second form: %v", err)
	}
	first.Close()
	read(t, s, strings.NewReader(big))
}

// TestBoundedMemory: a form of 24 MiB takes up no more than a small one.
func TestBoundedMemory(t *testing.T) {
	const size = 24 << 20
	pr, pw := io.Pipe()
	go func() {
		w := multipart.NewWriter(pw)
		_ = w.SetBoundary(boundary)
		part, _ := w.CreateFormFile("file", "a.wav")
		block := make([]byte, 1<<20)
		for range size / len(block) {
			_, _ = part.Write(block)
		}
		_ = w.WriteField("model", "smart")
		_ = pw.CloseWithError(w.Close())
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f := read(t, form.NewStore(t.TempDir(), 2*size), pr)
	open, n := f.With("model", "m")
	copied, err := io.Copy(io.Discard, open())
	runtime.ReadMemStats(&after)
	if err != nil || copied != n || f.Files[0].Size() != size {
		t.Errorf("%d of %d bytes, %v", copied, n, err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 6<<20 {
		t.Errorf("%d bytes were allocated", used)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sample("abc"))
	f.Add(sample("abc")[:150])
	f.Fuzz(func(t *testing.T, body string) {
		got, err := form.NewStore("", 0).Read(strings.NewReader(body), "multipart/form-data; boundary="+boundary)
		if err != nil {
			return
		}
		defer got.Close()
		open, size := got.With("model", "other")
		sent, err := io.ReadAll(open())
		if err != nil || int64(len(sent)) != size {
			t.Fatalf("%d of %d bytes, %v", len(sent), size, err)
		}
		again, err := form.NewStore("", 0).Read(bytes.NewReader(sent), got.ContentType)
		if err != nil || len(again.Fields) != len(got.Fields) || len(again.Files) != len(got.Files) {
			t.Fatalf("what is sent on is no such form: %v: %s", err, sent)
		}
		again.Close()
	})
}
