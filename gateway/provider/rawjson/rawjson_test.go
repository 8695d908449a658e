package rawjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

type member struct{ Key, Value, Without string }

func members(data string) ([]member, error) {
	var got []member
	obj := rawjson.NewObject([]byte(data))
	for obj.Next() {
		from, to := obj.Cut()
		got = append(got, member{string(obj.Key()), string(obj.Value()), data[:from] + data[to:]})
	}
	return got, obj.Err()
}

func TestObject(t *testing.T) {
	got, err := members(` { "a" : 1 , "b\n\u00e9":[true, {"x":"}"}], "c":"\"" } `)
	if err != nil {
		t.Fatal(err)
	}
	want := []member{
		{"a", "1", ` { "b\n\u00e9":[true, {"x":"}"}], "c":"\"" } `},
		{"b\né", `[true, {"x":"}"}]`, ` { "a" : 1, "c":"\"" } `},
		{"c", `"\""`, ` { "a" : 1 , "b\n\u00e9":[true, {"x":"}"}] } `},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if one, err := members(`{"a":1}`); err != nil || one[0].Without != `{}` {
		t.Errorf("the only member: %v, %v", one, err)
	}
}

func TestArray(t *testing.T) {
	data := []byte(` [1, "two" ,[3],{}] `)
	var got []string
	list := rawjson.NewArray(data)
	for list.Next() {
		from, to := list.Span()
		if string(data[from:to]) != string(list.Value()) {
			t.Errorf("span %d:%d is not %s", from, to, list.Value())
		}
		got = append(got, string(list.Value()))
	}
	if list.Err() != nil || list.Len() != 4 || data[list.End()-1] != ']' {
		t.Errorf("err %v, len %d, end %d", list.Err(), list.Len(), list.End())
	}
	if diff := cmp.Diff([]string{"1", `"two"`, "[3]", "{}"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDepth(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	if _, err := members(`{"a":` + nested(rawjson.MaxDepth-1) + `}`); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := members(`{"a":` + nested(rawjson.MaxDepth) + `}`); !errors.Is(err, rawjson.ErrDepth) {
		t.Errorf("beyond the limit: %v", err)
	}
}

func TestApply(t *testing.T) {
	data := []byte("0123456789")
	got := rawjson.Apply(data, rawjson.Edit{From: 8, To: 8, With: []byte("x")}, rawjson.Edit{From: 2, To: 4}, rawjson.Edit{From: 0, To: 1, With: []byte("abc")})
	if string(got) != "abc14567x89" || string(data) != "0123456789" {
		t.Errorf("got %s of %s", got, data)
	}
	if got := rawjson.Apply(data); string(got) != "0123456789" {
		t.Errorf("without edits: %s", got)
	}
}

func TestNames(t *testing.T) {
	var names rawjson.Names
	for range 2 {
		names = rawjson.Names{}
		for i := range 100 {
			if !names.Add([]byte(strings.Repeat("x", i))) {
				t.Fatalf("name %d counts as old", i)
			}
		}
	}
	for _, i := range []int{0, 31, 32, 99} {
		if names.Add([]byte(strings.Repeat("x", i))) {
			t.Errorf("name %d counts as new", i)
		}
	}
}

func TestTypeOf(t *testing.T) {
	for value, want := range map[string]rawjson.Type{
		"{}": rawjson.ObjectType, "[]": rawjson.ArrayType, `""`: rawjson.StringType, "true": rawjson.BoolType,
		"false": rawjson.BoolType, "null": rawjson.NullType, "-1": rawjson.NumberType, "": rawjson.NoType,
	} {
		if got := rawjson.TypeOf([]byte(value)); got != want {
			t.Errorf("%q is %s, want %s", value, got, want)
		}
	}
}

func TestString(t *testing.T) {
	for in, want := range map[string]string{`""`: "", `"a<b"`: "a<b", `"\u00e9\n"`: "é\n"} {
		if got, err := rawjson.String([]byte(in)); err != nil || got != want {
			t.Errorf("%s gave %q, %v", in, got, err)
		}
		if back, err := rawjson.String(rawjson.Quote(want)); err != nil || back != want {
			t.Errorf("%q came back as %q, %v", want, back, err)
		}
	}
	if _, err := rawjson.String([]byte("1")); err == nil {
		t.Error("a number passed for a string")
	}
}

// FuzzObject holds that the walk and encoding/json agree on what is an object, and
// on its members.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` {"a":1e-5,"b":[null,-0.1,"\\\"\u00Ff"],"c":{"d":{}}} `, `{"a":01}`, `{"a":1,}`, `{"a" 1}`, `{"a":"` + "\x01" + `"}`,
		`{"a":tru}`, `{"a":1}{`, `{"a":"12345678","b":"1234567\"89"}`, `{"a":.5}`, `{"a":1.}`, `{"a":+1}`, `{"a":1E}`, `{,}`, `[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !utf8.Valid(data) || bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) >= rawjson.MaxDepth {
			return
		}
		got := make(map[string]any)
		obj := rawjson.NewObject(data)
		for obj.Next() {
			var v any
			if err := unmarshal(obj.Value(), &v); err != nil {
				t.Fatalf("value %q: %v", obj.Value(), err)
			}
			got[string(obj.Key())] = v
		}
		var want map[string]any
		err := unmarshal(data, &want)
		if isObject := err == nil && want != nil; isObject != (obj.Err() == nil) {
			t.Fatalf("encoding/json says %v, the walk %v", err, obj.Err())
		}
		if obj.Err() == nil {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	})
}

// unmarshal is json.Unmarshal that takes numbers of any size.
func unmarshal(data []byte, into any) error {
	if !json.Valid(data) {
		return errors.New("not valid")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return dec.Decode(into)
}

func BenchmarkObject(b *testing.B) {
	data := []byte(`{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":" token"},"finish_reason":null}],"text":"` +
		strings.Repeat("a long text without escapes ", 40) + `"}`)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for range b.N {
		obj := rawjson.NewObject(data)
		for obj.Next() {
		}
		if obj.Err() != nil {
			b.Fatal(obj.Err())
		}
	}
}
