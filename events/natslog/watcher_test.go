package natslog

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/llm-hub/llm-hub/events"
)

// change is a message of the bucket.
type change struct {
	jetstream.Msg
	key  string
	gone bool
}

func (c change) Subject() string { return "k." + c.key }
func (c change) Data() []byte    { return nil }
func (c change) Headers() nats.Header {
	if c.gone {
		return nats.Header{operationHeader: {deleteOperation}}
	}
	return nil
}

// TestWatcherUnderChange holds what a watcher says of keys that change while it
// learns the present ones: a deletion is told if the key may have been, and the
// end of the present keys does not wait for a moment of silence.
func TestWatcherUnderChange(t *testing.T) {
	var got []events.Entry
	w := &watcher{bucket: bucket{prefix: "k."}, last: 5, initial: true, given: map[string]bool{}, give: func(e events.Entry) error {
		got = append(got, e)
		return nil
	}}
	if err := w.opened(&jetstream.ConsumerInfo{NumPending: 3}); err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct {
		change
		seq, pending uint64
	}{
		{change{key: "never.given", gone: true}, 4, 3},
		{change{key: "a"}, 5, 4},
		{change{key: "a", gone: true}, 6, 5},
		{change{key: "b"}, 7, 6},
	} {
		meta := &jetstream.MsgMetadata{Sequence: jetstream.SequencePair{Stream: m.seq}, NumPending: m.pending}
		if err := w.deliver(m.change, meta); err != nil {
			t.Fatal(err)
		}
	}
	want := []events.Entry{{Key: "a", Value: []byte{}, Rev: 5}, {Key: "a", Rev: 6}, {}, {Key: "b", Value: []byte{}, Rev: 7}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestWatcherOfALaggingReplica: a key that was deleted before the start, but of which a
// replica that did not know so has told, is told to be deleted.
func TestWatcherOfALaggingReplica(t *testing.T) {
	var got []events.Entry
	w := &watcher{bucket: bucket{prefix: "k."}, last: 2, initial: true, given: map[string]bool{}, give: func(e events.Entry) error {
		got = append(got, e)
		return nil
	}}
	if err := w.opened(&jetstream.ConsumerInfo{NumPending: 1}); err != nil {
		t.Fatal(err)
	}
	for i, c := range []change{{key: "a"}, {key: "a", gone: true}} {
		meta := &jetstream.MsgMetadata{Sequence: jetstream.SequencePair{Stream: uint64(i) + 1}}
		if err := w.deliver(c, meta); err != nil {
			t.Fatal(err)
		}
	}
	want := []events.Entry{{Key: "a", Value: []byte{}, Rev: 1}, {Key: "a", Rev: 2}, {}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
