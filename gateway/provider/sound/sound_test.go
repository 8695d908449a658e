package sound_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/gateway/provider/sound"
)

// wav is a recording of so many bytes at a rate; told is what its header says of them.
func wav(rate, data, told uint32) []byte {
	b := []byte("RIFF\x00\x00\x00\x00WAVELIST\x03\x00\x00\x00abc\x00fmt \x10\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00")
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = append(b, "\x02\x00\x10\x00data"...)
	b = binary.LittleEndian.AppendUint32(b, told)
	return append(b, make([]byte, data)...)
}

func mp3(tag int, header uint32, data int) []byte {
	var b []byte
	if tag > 0 {
		b = append(b, "ID3\x04\x00\x00\x00\x00"...)
		b = append(b, byte(tag>>7), byte(tag&0x7f))
		b = append(b, make([]byte, tag)...)
	}
	b = binary.BigEndian.AppendUint32(b, header)
	return append(b, make([]byte, data-4)...)
}

func TestDuration(t *testing.T) {
	for name, tt := range map[string]struct {
		file []byte
		want time.Duration
	}{
		"wav":             {wav(32_000, 48_000, 48_000), 1500 * time.Millisecond},
		"streamed wav":    {wav(32_000, 48_000, 1<<32-1), 1500 * time.Millisecond},
		"wav of no rate":  {wav(0, 8_000-56, 8_000), time.Second},
		"mp3, 128 kbit/s": {mp3(0, 0xfffb9000, 32_000), 2 * time.Second},
		"tagged":          {mp3(9_000, 0xfffb9000, 32_000), 2 * time.Second},
		"version 2":       {mp3(0, 0xfff38000, 16_000), 2 * time.Second},
		"unknown":         {make([]byte, 20_000), 2500 * time.Millisecond},
		"only a tag":      {mp3(9_000, 0xfffb9000, 32_000)[:8_000], time.Second},
		"short":           {[]byte("RIFF"), 500 * time.Microsecond},
		"empty":           {nil, 0},
	} {
		if got := sound.Duration(bytes.NewReader(tt.file), int64(len(tt.file))); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func FuzzDuration(f *testing.F) {
	f.Add(wav(32_000, 100, 100))
	f.Add(mp3(300, 0xfffb9000, 100))
	f.Fuzz(func(t *testing.T, file []byte) {
		if d := sound.Duration(bytes.NewReader(file), int64(len(file))); d < 0 {
			t.Fatalf("%s", d)
		}
	})
}
