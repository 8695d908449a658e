package embed_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/gateway/provider/embed"
)

func packed(floats ...float32) []byte {
	var raw []byte
	for _, f := range floats {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
	}
	return []byte(base64.StdEncoding.EncodeToString(raw))
}

// TestVectorEachWay: what is rewritten names the same float32, and what need not be
// rewritten stays as it was.
func TestVectorEachWay(t *testing.T) {
	tests := map[string]struct {
		in              embed.Vector
		numbers, packed string
	}{
		"numbers": {
			embed.Vector{Numbers: []byte(`[ 0.10, -1e-7,2]`)}, `[ 0.10, -1e-7,2]`, string(packed(0.1, -1e-7, 2)),
		},
		"packed": {embed.Vector{Packed: packed(0.1, -1e-7, 16777216)}, `[0.1,-1e-07,1.6777216e+07]`, string(packed(0.1, -1e-7, 16777216))},
		"more digits than fit": {
			embed.Vector{Numbers: []byte(`[0.0123456789012345678]`)}, `[0.0123456789012345678]`, string(packed(0.0123456789012345678)),
		},
		"negative zero": {embed.Vector{Packed: packed(float32(math.Copysign(0, -1)))}, `[-0]`, string(packed(float32(math.Copysign(0, -1))))},
		"smallest": {
			embed.Vector{Packed: packed(math.SmallestNonzeroFloat32, math.MaxFloat32)}, `[1e-45,3.4028235e+38]`,
			string(packed(math.SmallestNonzeroFloat32, math.MaxFloat32)),
		},
		"halfway": { // between two float32, and nearer to the upper only as a decimal
			embed.Vector{Numbers: []byte(`[1.00000005960464477540]`)}, `[1.00000005960464477540]`, string(packed(math.Nextafter32(1, 2))),
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			numbers, err := tt.in.AppendNumbers([]byte("x"))
			if err != nil || string(numbers) != "x"+tt.numbers || !json.Valid(numbers[1:]) {
				t.Errorf("numbers %s, want %s: %v", numbers[1:], tt.numbers, err)
			}
			bytes, err := tt.in.AppendPacked([]byte("x"))
			if err != nil || string(bytes) != "x"+tt.packed {
				t.Errorf("packed %s, want %s: %v", bytes[1:], tt.packed, err)
			}
		})
	}
}

func TestVectorRefuses(t *testing.T) {
	for _, bad := range []string{`[]`, `[1,"2"]`, `[null]`, `[1e39]`, `[1,]`, `[[1]]`} {
		if got, err := (embed.Vector{Numbers: []byte(bad)}).AppendPacked(nil); err == nil {
			t.Errorf("%s became %s", bad, got)
		}
	}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, bad := range [][]byte{[]byte("!"), []byte(""), []byte("AAA="), packed(inf), packed(1, nan), []byte("AAAA AAA")} {
		if got, err := (embed.Vector{Packed: bad}).AppendNumbers(nil); err == nil {
			t.Errorf("%s became %s", bad, got)
		}
	}
	for _, bad := range []string{``, `null`, `{}`, `1`, `"\ud800`} {
		if v, err := embed.ReadVector([]byte(bad)); err == nil {
			t.Errorf("%s is taken for %+v", bad, v)
		}
	}
}

// FuzzVector holds that bytes come back the same through numbers, and that numbers
// pack as the standard library reads them.
func FuzzVector(f *testing.F) {
	f.Add([]byte{0, 0, 128, 63, 205, 204, 204, 61}, "0.1,1e-3")
	f.Add([]byte{1, 0, 0, 0}, "-0,16777217")
	f.Fuzz(func(t *testing.T, raw []byte, list string) {
		in := []byte(base64.StdEncoding.EncodeToString(raw))
		if numbers, err := (embed.Vector{Packed: in}).AppendNumbers(nil); err == nil {
			back, err := embed.Vector{Numbers: numbers}.AppendPacked(nil)
			if err != nil || string(back) != string(in) {
				t.Errorf("%s became %s and then %s: %v", in, numbers, back, err)
			}
		}
		numbers := "[" + list + "]"
		got, err := embed.Vector{Numbers: []byte(numbers)}.AppendPacked(nil)
		var want []float32
		if wrong := json.Unmarshal([]byte(numbers), &want); err == nil && (wrong != nil || string(got) != string(packed(want...))) {
			t.Errorf("%s became %s, want %v (%v)", numbers, got, want, wrong)
		}
	})
}

// BenchmarkVector: a vector of 3,072 numbers, each way.
func BenchmarkVector(b *testing.B) {
	numbers := make([]string, 3072)
	for i := range numbers {
		numbers[i] = strconv.FormatFloat(math.Sin(float64(i)), 'g', -1, 64)
	}
	v := embed.Vector{Numbers: []byte("[" + strings.Join(numbers, ",") + "]")}
	bytes, err := v.AppendPacked(nil)
	if err != nil {
		b.Fatal(err)
	}
	for name, do := range map[string]func() ([]byte, error){
		"pack":   func() ([]byte, error) { return v.AppendPacked(nil) },
		"unpack": func() ([]byte, error) { return embed.Vector{Packed: bytes}.AppendNumbers(nil) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
