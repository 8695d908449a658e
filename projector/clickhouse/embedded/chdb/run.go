//go:build linux && amd64 && !noengine

package chdb

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"unsafe"
)

// appendSize is how much of an insert's data one call hands to the engine, which copies it.
const appendSize = 1 << 20

var errClosed = errors.New("engine connection is closed")

// Run runs one statement and writes its output to w. An exception before the first write is an early error; one after it
// leaves w with a part of the output. Text with more than one statement is refused before anything runs.
func (c *Conn) Run(st Statement, w io.Writer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.handle == nil {
		return errClosed
	}
	if st.Kind == Insert {
		return c.insert(st)
	}
	report, err := c.classify(st.SQL)
	if err != nil {
		return err
	}
	if report.statementCount > 1 {
		return NewError(CodeSyntaxError, "SYNTAX_ERROR", "Multi-statements are not allowed")
	}
	if st.Kind == Stream && report.statementCount == 1 && report.class == classReadOnly {
		return c.stream(st, w)
	}
	return c.execute(st, w)
}

// classify asks the engine's own parser what the text holds.
func (c *Conn) classify(sql string) (analysis, error) {
	report := analysis{structSize: uint32(unsafe.Sizeof(analysis{}))}
	if c.lib.classify(*c.handle, unsafe.StringData(sql), uintptr(len(sql)), nil, 0, &report) != ok {
		return report, errors.New("engine could not analyse the statement")
	}
	return report, nil
}

func (c *Conn) execute(st Statement, w io.Writer) error {
	a := newArguments(st)
	defer a.release()
	r := c.lib.query(*c.handle, a.sql, a.sqlLen, a.format, a.formatLen, a.names, a.nameLens, a.values, a.valueLens, a.n)
	defer c.lib.resultDestroy(r)
	return c.output(r, w)
}

func (c *Conn) stream(st Statement, w io.Writer) error {
	a := newArguments(st)
	defer a.release()
	stream := c.lib.streamQuery(*c.handle, a.sql, a.sqlLen, a.format, a.formatLen, a.names, a.nameLens, a.values, a.valueLens, a.n)
	defer c.lib.resultDestroy(stream)
	if err := c.failure(stream); err != nil {
		return err
	}
	for {
		more, err := c.streamNext(stream, w)
		if err != nil {
			c.lib.streamStop(*c.handle, stream)
			return err
		}
		if !more {
			return nil
		}
	}
}

func (c *Conn) streamNext(stream result, w io.Writer) (more bool, err error) {
	r := c.lib.streamFetch(*c.handle, stream)
	defer c.lib.resultDestroy(r)
	if err := c.output(r, w); err != nil {
		return false, err
	}
	return c.lib.resultLength(r) > 0, nil
}

// output writes what a result holds. The bytes belong to the engine until the result is destroyed.
func (c *Conn) output(r result, w io.Writer) error {
	if err := c.failure(r); err != nil {
		return err
	}
	n := c.lib.resultLength(r)
	if n == 0 {
		return nil
	}
	if _, err := w.Write(unsafe.Slice(c.lib.resultBuffer(r), n)); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

func (c *Conn) failure(r result) error {
	if r == nil {
		return errors.New("engine gave no result")
	}
	if text := c.lib.resultError(r); text != "" {
		return ParseError(text)
	}
	return nil
}

func (c *Conn) insert(st Statement) error {
	a := newArguments(st)
	defer a.release()
	stream := c.lib.insertOpen(*c.handle, a.sql, a.sqlLen, a.format, a.formatLen, a.names, a.nameLens, a.values, a.valueLens, a.n)
	defer c.lib.insertDestroy(stream)
	if text := c.lib.insertError(stream); text != "" {
		return ParseError(text)
	}
	for data := st.Data; len(data) > 0; {
		n := min(len(data), appendSize)
		if c.lib.insertAppend(stream, &data[0], uintptr(n)) != ok {
			break // the reason comes with the result
		}
		data = data[n:]
	}
	r := c.lib.insertDone(stream)
	defer c.lib.resultDestroy(r)
	return c.failure(r)
}

// arguments is a statement in C form: pointers with lengths, pinned until released.
type arguments struct {
	pin                 runtime.Pinner
	sql, format         *byte
	sqlLen, formatLen   uintptr
	names, values       *unsafe.Pointer
	nameLens, valueLens *uintptr
	n                   uintptr
}

func newArguments(st Statement) *arguments {
	a := &arguments{
		sql: unsafe.StringData(st.SQL), sqlLen: uintptr(len(st.SQL)),
		format: unsafe.StringData(st.Format), formatLen: uintptr(len(st.Format)),
		n: uintptr(len(st.Params)),
	}
	if len(st.Params) == 0 {
		return a
	}
	names, values := make([]unsafe.Pointer, 0, len(st.Params)), make([]unsafe.Pointer, 0, len(st.Params))
	nameLens, valueLens := make([]uintptr, 0, len(st.Params)), make([]uintptr, 0, len(st.Params))
	for name, value := range st.Params {
		names, nameLens = append(names, a.pinned(name)), append(nameLens, uintptr(len(name)))
		values, valueLens = append(values, a.pinned(value)), append(valueLens, uintptr(len(value)))
	}
	a.names, a.values, a.nameLens, a.valueLens = &names[0], &values[0], &nameLens[0], &valueLens[0]
	return a
}

// pinned copies s, with a terminating zero so that an empty value has an address too.
func (a *arguments) pinned(s string) unsafe.Pointer {
	c := append([]byte(s), 0)
	a.pin.Pin(&c[0])
	return unsafe.Pointer(&c[0])
}

func (a *arguments) release() { a.pin.Unpin() }
