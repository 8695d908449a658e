package natslog_test

import (
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/natslog"
)

// TestWatchOfARecreatedBucket: a bucket that was made anew has lower revisions. A
// watch of the old one ends, so that nobody waits for what never comes.
func TestWatchOfARecreatedBucket(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir(), natslog.Dev)
	defer s.Close()
	l := openLog(t, s)
	defer l.Close()
	key := events.OverKey(3)
	for rev := range uint64(5) {
		if _, err := l.Commit(t.Context(), []events.Put{{Key: key, Value: []byte("old"), Rev: rev}}); err != nil {
			t.Fatal(err)
		}
	}
	changes, err := l.Watch(t.Context(), events.OverPrefix)
	if err != nil {
		t.Fatal(err)
	}
	for e := range changes {
		if e.Key == "" {
			break
		}
	}
	js := raw(t, s)
	stream, err := js.Stream(t.Context(), "KV_"+events.CountersBucket)
	if err != nil {
		t.Fatal(err)
	}
	cfg := stream.CachedInfo().Config
	if err := js.DeleteStream(t.Context(), cfg.Name); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Commit(t.Context(), []events.Put{{Key: key, Value: []byte("new")}}); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(time.Minute)
	for {
		select {
		case e, open := <-changes:
			if !open || string(e.Value) == "new" {
				return
			}
		case <-deadline:
			t.Fatal("the watch neither ended nor told of the change")
		}
	}
}
