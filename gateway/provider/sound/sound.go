// Package sound tells about how long a recording is, from the first bytes of its file.
package sound

import (
	"encoding/binary"
	"io"
	"time"
)

// usualRate is how many bytes a second of a compressed recording has: 64 kbit/s.
const usualRate = 8_000

// headSize is how much of a file is looked at, in bytes.
const headSize = 4 << 10

// Duration estimates the length of a recording of so many bytes: exact for WAV and for
// MP3 of a constant rate, a guess for all else.
func Duration(r io.ReaderAt, size int64) time.Duration {
	head := make([]byte, min(size, headSize))
	n, _ := r.ReadAt(head, 0) // what cannot be read cannot be known
	head = head[:n]
	rate, data := wav(head, size)
	if rate == 0 {
		rate, data = mp3(r, head, size)
	}
	if rate == 0 {
		rate, data = usualRate, size
	}
	return time.Duration(data/rate)*time.Second + time.Duration(data%rate)*time.Second/time.Duration(rate)
}

// wav finds bytes a second and how many there are, both 0 if the file is none.
func wav(head []byte, size int64) (rate, data int64) {
	const riff, chunk, byteRate = 12, 8, 8
	if len(head) < riff || string(head[:4]) != "RIFF" || string(head[8:12]) != "WAVE" {
		return 0, 0
	}
	for at := riff; at+chunk <= len(head); {
		name, length := string(head[at:at+4]), int64(binary.LittleEndian.Uint32(head[at+4:]))
		at += chunk
		switch {
		case name == "fmt " && at+byteRate+4 <= len(head):
			rate = int64(binary.LittleEndian.Uint32(head[at+byteRate:]))
		case name == "data":
			return rate, min(length, size-int64(at)) // what is streamed does not know its length
		}
		if length > int64(len(head)-at) {
			break
		}
		at += int(length + length%2)
	}
	return 0, 0
}

// mp3 finds the same of the first frame behind the tags.
func mp3(r io.ReaderAt, head []byte, size int64) (rate, data int64) {
	const tagHead, frameHead = 10, 4
	begin := int64(0)
	if len(head) >= tagHead && string(head[:3]) == "ID3" {
		length := int64(0)
		for _, b := range head[6:tagHead] {
			length = length<<7 | int64(b&0x7f)
		}
		begin = tagHead + length
		head = make([]byte, frameHead)
		if _, err := r.ReadAt(head, begin); err != nil {
			return 0, 0
		}
	}
	if len(head) < frameHead {
		return 0, 0
	}
	return bitrate(binary.BigEndian.Uint32(head)) / 8, max(size-begin, 0)
}

// bitrate reads the header of a frame of MPEG's layer III, in bits a second; 0 if it is none.
func bitrate(header uint32) int64 {
	const sync, layer3 = 0x7ff, 1
	version, layer, index := header>>19&3, header>>17&3, header>>12&15
	if header>>21 != sync || layer != layer3 || version == 1 {
		return 0
	}
	first := [...]int64{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0} // kbit/s of version 1
	later := [...]int64{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0}
	if version == 3 {
		return 1000 * first[index]
	}
	return 1000 * later[index]
}
