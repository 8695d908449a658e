//go:build linux && amd64 && !noengine

package chdb

import (
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Opaque C pointers. A connection is handed out as a pointer to the handle that all other functions take.
type (
	connection   = unsafe.Pointer
	result       = unsafe.Pointer
	insertStream = unsafe.Pointer
)

// ok is CHDBSuccess of chdb_state.
const ok int32 = 0

// library holds the C functions of libchdb that this package uses.
type library struct {
	setSignalHandlers func(enabled int32)
	connect           func(argc int32, argv *unsafe.Pointer) *connection
	closeConn         func(conn *connection)

	classify    func(conn connection, sql *byte, sqlLen uintptr, db *byte, dbLen uintptr, out *analysis) int32
	query       func(conn connection, sql *byte, sqlLen uintptr, format *byte, formatLen uintptr, names *unsafe.Pointer, nameLens *uintptr, values *unsafe.Pointer, valueLens *uintptr, n uintptr) result
	streamQuery func(conn connection, sql *byte, sqlLen uintptr, format *byte, formatLen uintptr, names *unsafe.Pointer, nameLens *uintptr, values *unsafe.Pointer, valueLens *uintptr, n uintptr) result
	streamFetch func(conn connection, stream result) result
	streamStop  func(conn connection, stream result)

	resultBuffer  func(r result) *byte
	resultLength  func(r result) uintptr
	resultError   func(r result) string
	resultDestroy func(r result)

	insertOpen    func(conn connection, sql *byte, sqlLen uintptr, format *byte, formatLen uintptr, names *unsafe.Pointer, nameLens *uintptr, values *unsafe.Pointer, valueLens *uintptr, n uintptr) insertStream
	insertAppend  func(s insertStream, data *byte, n uintptr) int32
	insertDone    func(s insertStream) result
	insertError   func(s insertStream) string
	insertDestroy func(s insertStream)
}

// analysis is chdb_query_analysis_v1.
type analysis struct {
	structSize     uint32
	statementCount uint32 // 0: the text does not parse
	_              uint32 // flags
	class          uint32 // classReadOnly, or something that changes state
}

const classReadOnly = 0

// load opens the shared library and binds its functions.
func load(path string) (*library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load engine library %s: %w", path, err)
	}
	l := new(library)
	for symbol, function := range map[string]any{
		"chdb_set_signal_handlers_enabled": &l.setSignalHandlers,
		"chdb_connect":                     &l.connect,
		"chdb_close_conn":                  &l.closeConn,
		"chdb_classify_query_n":            &l.classify,
		"chdb_query_with_params_n":         &l.query,
		"chdb_stream_query_with_params_n":  &l.streamQuery,
		"chdb_stream_fetch_result":         &l.streamFetch,
		"chdb_stream_cancel_query":         &l.streamStop,
		"chdb_result_buffer":               &l.resultBuffer,
		"chdb_result_length":               &l.resultLength,
		"chdb_result_error":                &l.resultError,
		"chdb_destroy_query_result":        &l.resultDestroy,
		"chdb_stream_insert_with_params_n": &l.insertOpen,
		"chdb_stream_append":               &l.insertAppend,
		"chdb_stream_done":                 &l.insertDone,
		"chdb_stream_insert_error":         &l.insertError,
		"chdb_destroy_insert_stream":       &l.insertDestroy,
	} {
		address, err := purego.Dlsym(handle, symbol)
		if err != nil {
			return nil, fmt.Errorf("engine library %s is not version 26.7 or later: %w", path, err)
		}
		purego.RegisterFunc(function, address)
	}
	return l, nil
}
