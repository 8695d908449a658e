package control

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/llm-hub/llm-hub/gateway"
)

// maxBody bounds what a client says of one object, in bytes: more than any object has,
// and little enough to be read at once.
const maxBody = 256 << 10

// checkBody holds what is asked of every body that a client sends about an object: it
// is JSON, not too long and not nested too deep, and says nothing twice, because whoever
// looked at the first might mean what the second denies.
func checkBody(body []byte) error {
	switch {
	case len(body) > maxBody:
		return &gateway.Error{Kind: gateway.TooLarge, Public: fmt.Sprintf("What is said of one object may have %d bytes.", maxBody)}
	case !json.Valid(body):
		return &gateway.Error{Kind: gateway.Invalid, Public: "The body is not JSON."}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return checkValue(d, 0)
}

// checkValue reads one value, which is valid.
func checkValue(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	opens, isDelim := t.(json.Delim)
	if !isDelim {
		return nil
	}
	if depth == maxDepth {
		return &gateway.Error{Kind: gateway.Invalid, Public: fmt.Sprintf("The body is nested more than %d levels deep.", maxDepth)}
	}
	seen := map[string]bool{}
	for d.More() {
		if opens == '{' {
			t, err := d.Token()
			if err != nil {
				return err
			}
			key, _ := t.(string)
			if seen[key] {
				return &gateway.Error{Kind: gateway.Invalid, Param: key, Public: fmt.Sprintf("The key %q is given twice.", key)}
			}
			seen[key] = true
		}
		if err := checkValue(d, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token() // what closes it
	return err
}

// hubSets refuses a change of what only the hub sets: the public part of a generated
// key, and the secret it had before. had is nil for a new object.
func hubSets(had, doc any) error {
	key, ok := doc.(*keyDoc)
	if !ok {
		return nil
	}
	before, _ := had.(*keyDoc)
	if before == nil {
		before = &keyDoc{}
	}
	previous := func(k *keyDoc) string {
		if k.Previous == nil {
			return ""
		}
		return k.Previous.Key.digest() + string(k.Previous.Until)
	}
	field := ""
	switch {
	case key.ID != before.ID:
		field = "id"
	case previous(key) != previous(before):
		field = "previous"
	default:
		return nil
	}
	return &gateway.Error{Kind: gateway.Invalid, Param: field, Public: fmt.Sprintf("Key %q cannot be changed: the hub sets it.", field)}
}
