package sse

// AppendData adds an event of one data line to dst. data must not hold a line end.
func AppendData(dst, data []byte) []byte {
	dst = append(dst, "data: "...)
	dst = append(dst, data...)
	return append(dst, "\n\n"...)
}

// AppendEvent adds a named event of one data line to dst. Neither typ nor data
// may hold a line end.
func AppendEvent(dst []byte, typ string, data []byte) []byte {
	dst = append(dst, "event: "...)
	dst = append(dst, typ...)
	dst = append(dst, '\n')
	return AppendData(dst, data)
}

// AppendComment adds a comment, which clients pass over, as a block of its own.
func AppendComment(dst, text []byte) []byte {
	dst = append(dst, ": "...)
	dst = append(dst, text...)
	return append(dst, "\n\n"...)
}
