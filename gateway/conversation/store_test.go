package conversation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/gateway/conversation"
	"github.com/llm-hub/llm-hub/gateway/vault"
)

const maxHistory = 100_000

type world struct {
	*conversation.Store
	bucket conversation.Bucket
	said   *bytes.Buffer // what was logged
}

func newWorld(t *testing.T, b conversation.Bucket) world {
	t.Helper()
	return newWorldWith(t, b, memlog.New())
}

// master is a master key for tests.
const master = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

// newWorldWith has its data keys in a log.
func newWorldWith(t *testing.T, b conversation.Bucket, keyring *memlog.Log) world {
	t.Helper()
	keys, err := vault.KeyText("master", master)
	if err != nil {
		t.Fatal(err)
	}
	w := world{bucket: b, said: &bytes.Buffer{}}
	w.Store, err = conversation.New(conversation.Config{Bucket: b, Vault: vault.New(keys, keyring.Keyring()), History: maxHistory, Logger: slog.New(slog.NewTextHandler(w.said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func byVendor() conversation.Answer {
	return conversation.Answer{
		Tenant: "acme", ID: "resp_1", Items: []string{"msg_1", "fc_1"}, Model: "smart",
		Target: events.Target{Provider: "openai", Credential: "main", Model: "gpt-x"},
	}
}

// said is the content of an answer to a question.
func said(previous, question, answer string) conversation.Content {
	return conversation.Content{
		Previous: previous,
		Input:    fmt.Appendf(nil, `[{"role":"user","content":%q}]`, question),
		Response: fmt.Appendf(nil, `{"id":"x","output":[{"id":"msg_%s","type":"message","role":"assistant","content":%q}]}`, answer, answer),
	}
}

func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx, a := newWorld(t, memlog.New().Answers()), t.Context(), byVendor()
		w.Keep(ctx, a, nil, time.Hour)
		want := a
		want.Items = nil
		for name, find := range map[string]func() (conversation.Answer, error){
			"by its id":     func() (conversation.Answer, error) { return w.Find(ctx, "acme", "resp_1") },
			"by an item":    func() (conversation.Answer, error) { return w.FindItem(ctx, "acme", "fc_1") },
			"by another":    func() (conversation.Answer, error) { return w.FindItem(ctx, "acme", "msg_1") },
			"in a new life": func() (conversation.Answer, error) { return newWorld(t, w.bucket).Find(ctx, "acme", "resp_1") },
		} {
			got, err := find()
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
			}
		}
		if _, err := w.Content(ctx, a); !errors.Is(err, conversation.ErrNotFound) {
			t.Errorf("content that the vendor keeps: %v", err)
		}
		if err := w.Forget(ctx, a); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Find(ctx, "acme", "resp_1"); !errors.Is(err, conversation.ErrNotFound) {
			t.Errorf("what was forgotten: %v", err)
		}
		a.ID = "resp_2"
		w.Keep(ctx, a, nil, time.Hour)
		<-time.After(time.Hour + time.Second)
		synctest.Wait()
		if _, err := w.Find(ctx, "acme", "resp_2"); !errors.Is(err, conversation.ErrNotFound) {
			t.Errorf("what is over: %v", err)
		}
	})
}

func TestTenantsAreApart(t *testing.T) {
	w, ctx, a := newWorld(t, memlog.New().Answers()), t.Context(), byVendor()
	w.Keep(ctx, a, nil, time.Hour)
	own := conversation.Answer{Tenant: "acme", ID: "resp_own", Items: []string{"msg_own"}, Model: "smart"}
	content := said("", "q", "a")
	w.Keep(ctx, own, &content, time.Hour)
	for _, id := range []string{"resp_1", "resp_own", "msg_own", "acme\x00resp_1"} {
		for _, other := range []events.TenantID{"acme2", "acm", ""} {
			_, err := w.Find(ctx, other, id)
			_, errItem := w.FindItem(ctx, other, id)
			_, errContent := w.Content(ctx, conversation.Answer{Tenant: other, ID: id})
			for _, err := range []error{err, errItem, errContent} {
				if !errors.Is(err, conversation.ErrNotFound) {
					t.Errorf("%q finds %q: %v", other, id, err)
				}
			}
		}
	}
}

func TestHistory(t *testing.T) {
	w, ctx := newWorld(t, memlog.New().Answers()), t.Context()
	answer := func(id string) conversation.Answer {
		return conversation.Answer{Tenant: "acme", ID: id, Items: []string{"msg_" + id}}
	}
	for _, c := range []struct{ id, previous string }{{"1", ""}, {"2", "1"}, {"3", "2"}} {
		content := said(c.previous, "question "+c.id, c.id)
		w.Keep(ctx, answer(c.id), &content, time.Hour)
	}
	items, err := w.History(ctx, answer("3"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, raw := range items {
		var item struct{ Role, Content string }
		if err := json.Unmarshal(raw, &item); err != nil {
			t.Fatal(err)
		}
		got = append(got, item.Role+": "+item.Content)
	}
	want := []string{"user: question 1", "assistant: 1", "user: question 2", "assistant: 2", "user: question 3", "assistant: 3"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if item, err := w.Item(ctx, answer("2"), "msg_2"); err != nil || !strings.Contains(string(item), `"msg_2"`) {
		t.Errorf("item: %s, %v", item, err)
	}
	if _, err := w.Item(ctx, answer("2"), "msg_1"); !errors.Is(err, conversation.ErrNotFound) {
		t.Errorf("item of another answer: %v", err)
	}
	if err := w.Forget(ctx, answer("1")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.History(ctx, answer("3")); !errors.Is(err, conversation.ErrNotFound) {
		t.Errorf("without its beginning: %v", err)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	w, ctx := newWorld(t, memlog.New().Answers()), t.Context()
	self := conversation.Answer{Tenant: "acme", ID: "1"}
	circle := said("1", "q", "a")
	w.Keep(ctx, self, &circle, time.Hour)
	if _, err := w.History(ctx, self); !errors.Is(err, conversation.ErrTooLong) {
		t.Errorf("a circle: %v", err)
	}
	const turns = 20
	long := said("2", strings.Repeat("x", maxHistory/turns), "a")
	reads := &counting{Bucket: w.bucket, puts: map[string][]byte{}}
	w = newWorld(t, reads)
	w.Keep(ctx, conversation.Answer{Tenant: "acme", ID: "2"}, &long, time.Hour)
	if _, err := w.History(ctx, conversation.Answer{Tenant: "acme", ID: "2"}); !errors.Is(err, conversation.ErrTooLong) || reads.gets > 3*turns {
		t.Errorf("a long one: %v after %d reads", err, reads.gets)
	}
}

// noise is a text that cannot be packed.
func noise(size int) string {
	r, b := rand.NewChaCha8([32]byte{1}), make([]byte, size)
	for i := range b {
		b[i] = 'A' + byte(r.Uint64()%58)
	}
	return strings.ReplaceAll(string(b), `\`, "_")
}

// counting counts the values of a bucket, and can lose one of them.
type counting struct {
	conversation.Bucket
	puts map[string][]byte
	gets int
	lose string
}

func (c *counting) Get(ctx context.Context, key string) (events.Entry, error) {
	c.gets++
	return c.Bucket.Get(ctx, key)
}

func (c *counting) PutFor(ctx context.Context, p events.Put, ttl time.Duration) (uint64, error) {
	if c.lose != "" && strings.HasSuffix(p.Key, c.lose) {
		return 1, nil
	}
	if strings.HasPrefix(p.Key, "c.") { // those come one after the other
		c.puts[p.Key] = p.Value
	}
	return c.Bucket.PutFor(ctx, p, ttl)
}

func TestLargeContent(t *testing.T) { synctest.Test(t, largeContent) }

// largeContent runs where nobody loses patience.
func largeContent(t *testing.T) {
	c := &counting{Bucket: memlog.New().Answers(), puts: map[string][]byte{}}
	w, ctx, a := newWorld(t, c), t.Context(), conversation.Answer{Tenant: "acme", ID: "1"}
	content := said("", noise(1<<20), "a")
	w.Keep(ctx, a, &content, time.Hour)
	got, err := w.Content(ctx, a)
	if err != nil || !bytes.Equal(got.Input, content.Input) || len(c.puts) < 2 {
		t.Errorf("%v: %d bytes in %d pieces", err, len(got.Input), len(c.puts))
	}
	for key, value := range c.puts {
		if len(value) > 1000<<10 {
			t.Errorf("%s has %d bytes", key, len(value))
		}
	}
	huge := conversation.Content{Input: make([]byte, 33<<20)}
	w.Keep(ctx, conversation.Answer{Tenant: "acme", ID: "2"}, &huge, time.Hour)
	if _, err := w.Find(ctx, "acme", "2"); !errors.Is(err, conversation.ErrNotFound) || w.Lost() != 1 {
		t.Errorf("too much: %v, %d lost", err, w.Lost())
	}
}

func TestHalfContent(t *testing.T) {
	c := &counting{Bucket: memlog.New().Answers(), puts: map[string][]byte{}, lose: ".1"}
	w, ctx, a := newWorld(t, c), t.Context(), conversation.Answer{Tenant: "acme", ID: "1"}
	content := said("", noise(700<<10), "a")
	w.Keep(ctx, a, &content, time.Hour)
	if _, err := w.Content(ctx, a); !errors.Is(err, conversation.ErrNotFound) {
		t.Errorf("a part is missing: %v", err)
	}
}

func TestContentIsSealed(t *testing.T) {
	c := &counting{Bucket: memlog.New().Answers(), puts: map[string][]byte{}}
	keyring, ctx, a := memlog.New(), t.Context(), conversation.Answer{Tenant: "acme", ID: "1"}
	w := newWorldWith(t, c, keyring)
	content := said("", "the-secret-question", "the-secret-answer")
	w.Keep(ctx, a, &content, time.Hour)
	if len(c.puts) == 0 {
		t.Fatal("nothing was kept")
	}
	for key, value := range c.puts {
		if strings.Contains(key, "acme") || bytes.Contains(value, []byte("secret")) {
			t.Errorf("%s: %q", key, value)
		}
	}
	if got, err := newWorldWith(t, c, keyring).Content(ctx, a); err != nil || !bytes.Equal(got.Input, content.Input) {
		t.Errorf("on another node: %v: %s", err, got.Input)
	}
	stranger := newWorldWith(t, c, memlog.New())
	if _, err := stranger.Content(ctx, a); !errors.Is(err, conversation.ErrNotFound) || strings.Contains(stranger.said.String(), "secret") {
		t.Errorf("without the data key: %v: %s", err, stranger.said)
	}
	if strings.Contains(w.said.String(), "secret") {
		t.Errorf("logged: %s", w.said)
	}
}

// TestSealIsBound: a seal that is moved to another tenant's place does not open there.
func TestSealIsBound(t *testing.T) {
	c := &counting{Bucket: memlog.New().Answers(), puts: map[string][]byte{}}
	w, ctx := newWorld(t, c), t.Context()
	content := said("", "q", "a")
	w.Keep(ctx, conversation.Answer{Tenant: "acme", ID: "1"}, &content, time.Hour)
	var stolen []byte
	for _, v := range c.puts {
		stolen = v
	}
	w.Keep(ctx, conversation.Answer{Tenant: "evil", ID: "1"}, &content, time.Hour)
	for key, v := range c.puts {
		if bytes.Equal(v, stolen) {
			continue
		}
		e, err := c.Get(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Bucket.PutFor(ctx, events.Put{Key: key, Value: stolen, Rev: e.Rev}, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Content(ctx, conversation.Answer{Tenant: "evil", ID: "1"}); !errors.Is(err, conversation.ErrNotFound) {
		t.Errorf("a seal of another place: %v", err)
	}
}

// away is a bucket out of reach.
type away struct{ conversation.Bucket }

func (away) Get(context.Context, string) (events.Entry, error) {
	return events.Entry{}, events.ErrUnavailable
}

func (away) PutFor(ctx context.Context, _ events.Put, _ time.Duration) (uint64, error) {
	<-ctx.Done()
	return 0, events.ErrUnavailable
}

func TestUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t, away{memlog.New().Answers()}), t.Context()
		began := time.Now()
		w.Keep(ctx, byVendor(), nil, time.Hour)
		if waited := time.Since(began); waited != conversation.Patience {
			t.Errorf("waited for %s", waited)
		}
		<-time.After(time.Minute)
		synctest.Wait()
		if w.Lost() != 1 || !strings.Contains(w.said.String(), "resp_1") {
			t.Errorf("%d lost: %s", w.Lost(), w.said)
		}
		if _, err := w.Find(ctx, "acme", "resp_1"); !errors.Is(err, conversation.ErrUnreachable) {
			t.Errorf("found: %v", err)
		}
		if err := w.Forget(ctx, byVendor()); !errors.Is(err, conversation.ErrUnreachable) {
			t.Errorf("forgotten: %v", err)
		}
	})
}

func TestNew(t *testing.T) {
	if _, err := conversation.New(conversation.Config{}); err == nil {
		t.Error("a store without a bucket")
	}
}
