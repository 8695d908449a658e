package events_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
)

// numbered has another amount in every class.
func numbered() (u events.Usage) {
	for i, amount := range u.Refs() {
		*amount = 1 << i
	}
	return u
}

// TestClasses holds that the table of classes is what [events.Usage] is: the same
// names, in the same order, each amount found under its own.
func TestClasses(t *testing.T) {
	u := numbered()
	v := reflect.ValueOf(u)
	if v.NumField() != events.ClassCount {
		t.Fatalf("%d classes, %d fields", events.ClassCount, v.NumField())
	}
	for i, class := range events.Classes() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if class.Name != name || events.ClassNames()[i] != name || events.ClassIndex(name) != i || class.Per < 1 {
			t.Errorf("class %d is %+v, its field %q", i, class, name)
		}
		if v.Field(i).Int() != 1<<i || u.Amounts()[i] != 1<<i {
			t.Errorf("%s is another field's amount", name)
		}
	}
	if i := events.ClassIndex("input_total"); i != -1 {
		t.Errorf("what is no class has place %d", i)
	}
}

// TestUsageTotals holds that totals are tokens, each in one of the two.
func TestUsageTotals(t *testing.T) {
	u := numbered()
	var tokens int64
	for i, class := range events.Classes() {
		if class.Unit == events.TokenUnit {
			tokens += u.Amounts()[i]
		}
	}
	if u.Total() != tokens || u.InputTotal()&u.OutputTotal() != 0 || u.OutputTotal()&1 != 0 || u.InputTotal()&1 != 1 {
		t.Errorf("total %b, input %b, output %b, want a total of %b", u.Total(), u.InputTotal(), u.OutputTotal(), tokens)
	}
}

func TestUsagePlusMinus(t *testing.T) {
	u := numbered()
	sum := u.Plus(u)
	for i, n := range sum.Amounts() {
		if n != 2<<i {
			t.Errorf("%s: twice %d is %d", events.ClassNames()[i], 1<<i, n)
		}
	}
	if diff := cmp.Diff(u, sum.Minus(u)); diff != "" {
		t.Error(diff)
	}
	if u != numbered() {
		t.Error("adding changed an addend")
	}
}

func TestUsageJSON(t *testing.T) {
	data, err := json.Marshal(numbered())
	if err != nil {
		t.Fatal(err)
	}
	var back events.Usage
	if err := json.Unmarshal(data, &back); err != nil || back != numbered() {
		t.Errorf("%s: %+v, %v", data, back, err)
	}
	if empty, _ := json.Marshal(events.Usage{}); string(empty) != "{}" {
		t.Errorf("no usage is %s", empty)
	}
}
