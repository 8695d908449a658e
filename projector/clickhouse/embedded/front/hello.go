package front

import "github.com/ClickHouse/ch-go/proto"

// revisionCustomSerialization is the first protocol revision with a flag byte after each column's type.
const revisionCustomSerialization = 54454

// hello answers the driver's first question. The driver decodes this one answer by the revision it announced and all later
// ones by the revision it finds in here: 0, which is what the engine writes.
func hello(who identity, protocolVersion int) []byte {
	var b proto.Buffer
	b.PutUVarInt(1) // block info: not an overflow block
	b.PutBool(false)
	b.PutUVarInt(2) // block info: no bucket
	b.PutInt32(-1)
	b.PutUVarInt(0)
	b.PutUVarInt(4) // columns
	b.PutUVarInt(1) // rows
	column := func(name, columnType string) {
		b.PutString(name)
		b.PutString(columnType)
		if protocolVersion >= revisionCustomSerialization {
			b.PutBool(false)
		}
	}
	column("displayName()", "String")
	b.PutString(who.displayName)
	column("version()", "String")
	b.PutString(who.version)
	column("revision()", "UInt32")
	b.PutUInt32(0)
	column("timezone()", "String")
	b.PutString(who.timezone)
	return b.Buf
}
