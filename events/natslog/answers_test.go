package natslog_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/natslog"
)

// TestAnswers: what is kept is found after a restart, lapses, and when there is too
// much the oldest goes.
func TestAnswers(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := startServer(t, dir, natslog.Dev)
	l := openLog(t, s)
	if _, err := l.Answers().PutFor(ctx, events.Put{Key: "a.old", Value: []byte("1")}, time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Answers().PutFor(ctx, events.Put{Key: "a.short", Value: []byte("1")}, time.Second); err != nil {
		t.Fatal(err)
	}
	l.Close()
	s.Close()
	s = startServer(t, dir, natslog.Dev)
	defer s.Close()
	l = openLog(t, s)
	defer l.Close()
	if e, err := l.Answers().Get(ctx, "a.old"); err != nil || string(e.Value) != "1" {
		t.Errorf("after a restart: %+v, %v", e, err)
	}
	for end := time.Now().Add(time.Minute); ; {
		e, err := l.Answers().Get(ctx, "a.short")
		if err == nil && e.Value == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("it does not lapse: %+v, %v", e, err)
		}
		<-time.After(100 * time.Millisecond)
	}
	const bound = 64 << 20
	chunk := bytes.Repeat([]byte("x"), 900<<10)
	for i := range bound/len(chunk) + 2 {
		if _, err := l.Answers().PutFor(ctx, events.Put{Key: "c." + string(rune('a'+i/26)) + string(rune('a'+i%26)), Value: chunk}, time.Hour); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if e, err := l.Answers().Get(ctx, "a.old"); err != nil || e.Value != nil {
		t.Errorf("the oldest is still there: %d bytes, %v", len(e.Value), err)
	}
}
