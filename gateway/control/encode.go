package control

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/llm-hub/llm-hub/accounting"
)

// encoder writes parts of a configuration in the words of hub.yaml. What is left
// out there is left out here.
type encoder struct {
	// private gives what is written for a value that is not for everyone; field is
	// its path inside the object.
	private func(field string, v private) (string, error)
	short   bool // only the start of a virtual key's hash: enough to tell keys apart
}

// inClear writes everything as it is: for memory, and for the way to the server.
func inClear(_ string, v private) (string, error) { return v.reveal(), nil }

// shown writes what operators may see.
func shown(_ string, v private) (string, error) {
	if _, personal := v.(interface{ personal() }); personal {
		return v.reveal(), nil
	}
	if _, unseen := v.(interface{ unseen() }); unseen {
		return hidden, nil
	}
	return mask(v.reveal()), nil
}

// json encodes what doc points to. Equal documents have equal encodings.
func (e encoder) json(doc any) (json.RawMessage, error) {
	v, err := e.value(reflect.ValueOf(doc).Elem(), "")
	if err != nil {
		return nil, err
	}
	if v == nil {
		v = yaml.MapSlice{}
	}
	return json.Marshal(plainJSON(v))
}

// plainJSON makes maps of what keeps the order of its keys.
func plainJSON(v any) any {
	switch v := v.(type) {
	case yaml.MapSlice:
		m := make(map[string]any, len(v))
		for _, item := range v {
			m[fmt.Sprint(item.Key)] = plainJSON(item.Value)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plainJSON(v[i])
		}
		return list
	default:
		return v
	}
}

// value gives a [yaml.MapSlice], a list, a text or a number; nil: nothing is said.
func (e encoder) value(v reflect.Value, path string) (any, error) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil, nil
		}
		v = v.Elem()
	}
	if s, ok := v.Addr().Interface().(scalar); ok {
		return e.scalar(s, v, path)
	}
	if v.Kind() == reflect.Slice {
		return e.list(v, path)
	}
	var out yaml.MapSlice
	for f := range v.Type().Fields() {
		key := f.Tag.Get("yaml")
		field, err := e.value(v.FieldByIndex(f.Index), in(path, key))
		if err != nil {
			return nil, err
		}
		if field != nil {
			out = append(out, yaml.MapItem{Key: key, Value: field})
		}
	}
	if out == nil {
		return nil, nil
	}
	return out, nil
}

func (e encoder) list(v reflect.Value, path string) (any, error) {
	if v.Len() == 0 {
		return nil, nil
	}
	list := make([]any, v.Len())
	for i := range list {
		entry, err := e.value(v.Index(i), at(path, i))
		if err != nil {
			return nil, err
		}
		if list[i] = entry; entry == nil {
			list[i] = yaml.MapSlice{}
		}
	}
	return list, nil
}

func (e encoder) scalar(s scalar, v reflect.Value, path string) (any, error) {
	if k, ok := s.(*suppliedKey); ok {
		if !k.given() {
			return nil, nil
		}
		const enough = 8
		if e.short {
			return hashPrefix + k.digest()[:enough] + "...", nil
		}
		return hashPrefix + k.digest(), nil
	}
	if p, ok := s.(private); ok {
		if p.reveal() == "" {
			return nil, nil
		}
		text, err := e.private(path, p)
		return text, err
	}
	switch t := s.(type) {
	case *duration:
		return durationText(*t), nil
	case *money:
		return accounting.FormatUSD(int64(*t)), nil
	}
	switch v.Kind() {
	case reflect.String:
		if v.Len() == 0 {
			return nil, nil
		}
		return v.String(), nil
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.Int64:
		return v.Int(), nil
	default:
		return nil, fmt.Errorf("control: a value of type %s cannot be written", v.Type())
	}
}

// durationText writes 10m and 1m30s where Go has 10m0s and 1m30s.
func durationText(d duration) string {
	const minute, hour = duration(time.Minute), duration(time.Hour)
	switch {
	case d >= hour && d%hour == 0:
		return strconv.FormatInt(int64(d/hour), 10) + "h"
	case d >= minute && d%minute == 0:
		return strconv.FormatInt(int64(d/minute), 10) + "m"
	default:
		return time.Duration(d).String()
	}
}
