package sse

import "io"

// NewLimitedReader is a Reader with another limit than MaxLine.
func NewLimitedReader(r io.Reader, maxLine int) *Reader { return &Reader{r: r, maxLine: maxLine} }
