package client

import (
	"bufio"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestServerEvents(t *testing.T) {
	const sent = "retry: 2000\n\n: alive\n\nid: 1.2\r\ndata: a\r\ndata:b\r\n\r\nevent: hidden\nid\ndata:  c\nodd: x\n\nretry: soon\n\ndata: half"
	want := []serverEvent{{retry: 2 * time.Second}, {id: "1.2", data: "a\nb"}, {name: "hidden", data: " c"}}
	got := read(t, sent)
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(serverEvent{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func read(t *testing.T, sent string) (all []serverEvent) {
	t.Helper()
	for e, err := range serverEvents(strings.NewReader(sent)) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func TestServerEventTooLong(t *testing.T) {
	var failed error
	for _, err := range serverEvents(strings.NewReader("data: " + strings.Repeat("x", maxLine) + "\n\n")) {
		failed = err
	}
	if !errors.Is(failed, bufio.ErrTooLong) {
		t.Error(failed)
	}
}

// FuzzServerEvents: whatever is cut off an answer, what is read of it is the beginning of
// what is read of the whole.
func FuzzServerEvents(f *testing.F) {
	f.Add("id: 1.2\ndata: a\n\nevent: error\ndata: {}\n\n", 20)
	f.Add("\r\n: x\r\ndata\ndata:\n\n", 3)
	f.Fuzz(func(t *testing.T, sent string, cut int) {
		whole := read(t, sent)
		if cut < 0 || cut > len(sent) {
			return
		}
		part := read(t, sent[:cut])
		if len(part) > len(whole) || !slices.Equal(part, whole[:len(part)]) {
			t.Errorf("%+v of %+v", part, whole)
		}
	})
}
