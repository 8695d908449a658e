package fakellm

import (
	"encoding/binary"
	"hash/crc32"
)

// The framing of application/vnd.amazon.eventstream: lengths of the whole and of
// the headers, their checksum, the headers, the payload, and the checksum of all.

const (
	preludeSize   = 12
	checksumSize  = 4
	stringHeader  = 7 // the type of a header's value
	messageHeader = ":message-type"
)

// An eventHeader is a name and a text.
type eventHeader struct{ name, value string }

// eventFrame is a message of those headers, in order.
func eventFrame(headers []eventHeader, payload []byte) []byte {
	var h []byte
	for _, header := range headers {
		h = append(h, byte(len(header.name)))
		h = append(h, header.name...)
		h = append(h, stringHeader)
		h = binary.BigEndian.AppendUint16(h, uint16(len(header.value)))
		h = append(h, header.value...)
	}
	total := preludeSize + len(h) + len(payload) + checksumSize
	out := binary.BigEndian.AppendUint32(make([]byte, 0, total), uint32(total))
	out = binary.BigEndian.AppendUint32(out, uint32(len(h)))
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
	out = append(append(out, h...), payload...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
}

// breakEvent cuts the payload of a frame, but keeps it a frame.
func breakEvent(frame []byte) []byte {
	headers := int(binary.BigEndian.Uint32(frame[4:]))
	payload := frame[preludeSize+headers : len(frame)-checksumSize]
	payload = payload[:len(payload)*2/3]
	total := preludeSize + headers + len(payload) + checksumSize
	out := binary.BigEndian.AppendUint32(make([]byte, 0, total), uint32(total))
	out = append(out, frame[4:8]...)
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
	out = append(append(out, frame[preludeSize:preludeSize+headers]...), payload...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
}
