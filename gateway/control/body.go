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
