package responses

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// Codes of errors, in OpenAI's words.
const (
	codeMissing     = "missing_required_parameter"
	codeType        = "invalid_type"
	codeValue       = "invalid_value"
	codeUnsupported = "unsupported_parameter"
)

// invalid refuses a request. code may be empty.
func invalid(param, code, format string, args ...any) *gateway.Error {
	return &gateway.Error{Kind: gateway.Invalid, Public: fmt.Sprintf(format, args...), Param: param, Code: code}
}

func badJSON(err error) error {
	if errors.Is(err, rawjson.ErrDepth) {
		return invalid("", "", "The request body nests deeper than %d levels.", rawjson.MaxDepth)
	}
	return invalid("", "", "The request body is not a JSON object (%v).", err)
}

func missing(param string) error {
	return invalid(param, codeMissing, "Missing required parameter: '%s'.", param)
}

func twice(param string) error { return invalid(param, "", "'%s' is given twice.", param) }

// wantType checks a value that must be there.
func wantType(value []byte, param string, want ...rawjson.Type) error {
	got := rawjson.TypeOf(value)
	if slices.Contains(want, got) {
		return nil
	}
	words := make([]string, len(want))
	for i, t := range want {
		words[i] = string(t)
	}
	return invalid(param, codeType, "Invalid type for '%s': expected %s, but got %s instead.", param, strings.Join(words, " or "), got)
}

// mayBe checks a value that may also be null.
func mayBe(value []byte, param string, want ...rawjson.Type) error {
	if rawjson.TypeOf(value) == rawjson.NullType {
		return nil
	}
	return wantType(value, param, want...)
}

// read decodes value into the field's place.
func read(value []byte, param string, into any) error {
	if err := json.Unmarshal(value, into); err != nil {
		return invalid(param, codeType, "Invalid type for '%s'.", param)
	}
	return nil
}

// readCount reads a whole number of at least 1; null leaves into alone.
func readCount(value []byte, param string, into *int64) error {
	if rawjson.TypeOf(value) == rawjson.NullType {
		return nil
	}
	if err := wantType(value, param, rawjson.NumberType); err != nil {
		return err
	}
	n, err := strconv.ParseFloat(string(value), 64)
	if err != nil || n != math.Trunc(n) || n < 1 || n > math.MaxInt32 {
		return invalid(param, codeValue, "Invalid '%s': expected a whole number from 1 to %d.", param, math.MaxInt32)
	}
	*into = int64(n)
	return nil
}

// null tells whether there is nothing in a value.
func null(value []byte) bool {
	t := rawjson.TypeOf(value)
	return t == rawjson.NoType || t == rawjson.NullType
}

// marshal encodes what cannot fail: structs of texts, numbers and valid JSON.
func marshal(v any) []byte {
	b, err := rawjson.Marshal(v)
	if err != nil {
		return []byte("{}")
	}
	return b
}
