package anthropic

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// invalid refuses a request. The text begins with the field at fault, if there is one.
func invalid(param, format string, args ...any) *gateway.Error {
	return &gateway.Error{Kind: gateway.Invalid, Public: fmt.Sprintf(format, args...), Param: param}
}

func badJSON(err error) error {
	if errors.Is(err, rawjson.ErrDepth) {
		return invalid("", "The request body nests deeper than %d levels.", rawjson.MaxDepth)
	}
	return invalid("", "The request body is not a JSON object (%v).", err)
}

func missing(param string) error { return invalid(param, "%s: Field required.", param) }

func twice(param string) error { return invalid(param, "%s: The field is given twice.", param) }

// wantType checks a value that must be there.
func wantType(value []byte, param string, want ...rawjson.Type) error {
	got := rawjson.TypeOf(value)
	words := make([]string, len(want))
	for i, t := range want {
		if got == t {
			return nil
		}
		words[i] = string(t)
	}
	return invalid(param, "%s: Must be %s, not %s.", param, strings.Join(words, " or "), got)
}

// mayBe checks a value that may also be null.
func mayBe(value []byte, param string, want ...rawjson.Type) error {
	if rawjson.TypeOf(value) == rawjson.NullType {
		return nil
	}
	return wantType(value, param, want...)
}

// readCount reads a whole number of at least 1.
func readCount(value []byte, param string) (int64, error) {
	if err := wantType(value, param, rawjson.NumberType); err != nil {
		return 0, err
	}
	n, err := strconv.ParseFloat(string(value), 64)
	if err != nil || n != math.Trunc(n) || n < 1 || n > math.MaxInt32 {
		return 0, invalid(param, "%s: Must be a whole number from 1 to %d.", param, math.MaxInt32)
	}
	return int64(n), nil
}
