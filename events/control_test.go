package events_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
)

func TestCommand(t *testing.T) {
	line := golden(t, events.HubCreatedKind)
	e, err := events.Decode(line)
	if err != nil {
		t.Fatal(err)
	}
	c, err := events.NewCommand(e, e)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(line)+"\n"+string(line)+"\n", string(c.Data)); diff != "" {
		t.Error(diff)
	}
	es, err := c.Events()
	if err != nil || len(es) != 2 || es[1].ID != e.ID {
		t.Errorf("%+v, %v", es, err)
	}
	other := c
	other.Prev = c.Hash()
	if len(c.Hash()) != 64 || other.Hash() == c.Hash() {
		t.Errorf("hashes %s and %s: the chain is not part of it", c.Hash(), other.Hash())
	}
}

func TestCommandRefuses(t *testing.T) {
	if _, err := events.NewCommand(); err == nil {
		t.Error("no events: no error")
	}
	large := events.Event{ID: "a", Kind: "b", Body: []byte(`"` + strings.Repeat("x", 2*events.MaxEventSize) + `"`)}
	if _, err := events.NewCommand(large, large, large, large, large); err == nil {
		t.Error("more bytes than a message may have: no error")
	}
	if _, err := events.NewCommand(events.Event{Body: []byte("{")}); err == nil {
		t.Error("an event that cannot be encoded: no error")
	}
	for _, data := range []string{"", "{}\n", "{\n"} {
		if es, err := (events.Command{Data: []byte(data)}).Events(); err == nil {
			t.Errorf("%q is %+v", data, es)
		}
	}
}
