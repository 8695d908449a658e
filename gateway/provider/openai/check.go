package openai

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
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

func wrongType(param string, value []byte, want ...rawjson.Type) error {
	words := make([]string, len(want))
	for i, t := range want {
		words[i] = string(t)
	}
	return invalid(param, "invalid_type", "'%s' must be %s, not %s.", param, strings.Join(words, " or "), rawjson.TypeOf(value))
}

// wantType checks a value that may also be null.
func wantType(value []byte, param string, want ...rawjson.Type) error {
	got := rawjson.TypeOf(value)
	if got == rawjson.NullType {
		return nil
	}
	for _, t := range want {
		if got == t {
			return nil
		}
	}
	return wrongType(param, value, want...)
}

func readBool(value []byte, param string, into *bool) error {
	if err := wantType(value, param, rawjson.BoolType); err != nil {
		return err
	}
	*into = string(value) == "true"
	return nil
}

// readCount reads a whole number of at least 1; null leaves into alone.
func readCount(value []byte, param string, into *int64) error {
	if err := wantType(value, param, rawjson.NumberType); err != nil {
		return err
	}
	if rawjson.TypeOf(value) == rawjson.NullType {
		return nil
	}
	n, err := strconv.ParseFloat(string(value), 64)
	switch {
	case err != nil || n != math.Trunc(n) || n > math.MaxInt32:
		return invalid(param, "invalid_type", "'%s' must be a whole number of at most %d.", param, math.MaxInt32)
	case n < 1:
		return invalid(param, "integer_below_min_value", "'%s' must be at least 1.", param)
	}
	*into = int64(n)
	return nil
}
