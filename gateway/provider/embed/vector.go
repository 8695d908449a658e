package embed

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// Vector is an embedding as it came: an array of numbers, or the base64 of their
// bytes. A number that is packed becomes the float32 nearest to it; one that is
// unpacked becomes the shortest decimal that is this float32 and no other. So what
// was packed and comes back as numbers packs to the same bytes again.
type Vector struct {
	Numbers []byte // a JSON array as it stood in the answer; nil: it is packed
	Packed  []byte // little-endian float32 in base64 with padding
}

// Given tells whether there is a vector at all.
func (v Vector) Given() bool { return v.Numbers != nil || v.Packed != nil }

const floatSize = 4 // bytes of a float32

var (
	errNoNumbers = errors.New("an embedding is no array of numbers")
	errNoFloats  = errors.New("an embedding's bytes are no whole floats")
	errInfinite  = errors.New("an embedding has a number that is no finite float32")
)

// AppendNumbers appends the vector as a JSON array of numbers.
func (v Vector) AppendNumbers(dst []byte) ([]byte, error) {
	if v.Numbers != nil {
		return append(dst, v.Numbers...), nil
	}
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(v.Packed)))
	n, err := base64.StdEncoding.Decode(raw, v.Packed)
	switch {
	case err != nil:
		return nil, fmt.Errorf("an embedding: %w", err)
	case n%floatSize != 0 || n == 0:
		return nil, errNoFloats
	}
	dst = append(dst, '[')
	for at := 0; at < n; at += floatSize {
		f := float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[at:])))
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, errInfinite
		}
		if at > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendFloat(dst, f, 'g', -1, 32)
	}
	return append(dst, ']'), nil
}

// AppendPacked appends the vector in base64, without quotes.
func (v Vector) AppendPacked(dst []byte) ([]byte, error) {
	if v.Numbers == nil {
		return append(dst, v.Packed...), nil
	}
	raw := make([]byte, 0, floatSize*(1+bytes.Count(v.Numbers, []byte(","))))
	list := rawjson.NewArray(v.Numbers)
	for list.Next() {
		if rawjson.TypeOf(list.Value()) != rawjson.NumberType {
			return nil, errNoNumbers
		}
		f, err := strconv.ParseFloat(string(list.Value()), 32)
		if err != nil { // beyond what a float32 holds
			return nil, errInfinite
		}
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(f)))
	}
	if list.Err() != nil || len(raw) == 0 {
		return nil, errNoNumbers
	}
	return base64.StdEncoding.AppendEncode(dst, raw), nil
}

// ReadVector takes a value of an answer for a vector: an array, whose numbers are
// checked only where they are rewritten, or a text in base64.
func ReadVector(value []byte) (Vector, error) {
	switch rawjson.TypeOf(value) {
	case rawjson.ArrayType:
		return Vector{Numbers: value}, nil
	case rawjson.StringType:
		s, err := rawjson.String(value) // some encoders escape slashes
		return Vector{Packed: []byte(s)}, err
	}
	return Vector{}, errNoNumbers
}
