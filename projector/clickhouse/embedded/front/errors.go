package front

import (
	"errors"
	"net/http"
	"strings"

	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/chdb"
)

// statusByCode maps codes of ClickHouse exceptions to HTTP status as a server does; all others are 500.
var statusByCode = map[int]int{
	6: http.StatusBadRequest, 7: http.StatusBadRequest, 26: http.StatusBadRequest, 27: http.StatusBadRequest, // cannot parse ...
	chdb.CodeBadArguments: http.StatusBadRequest, 38: http.StatusBadRequest, 41: http.StatusBadRequest, 44: http.StatusBadRequest,
	53: http.StatusBadRequest, chdb.CodeSyntaxError: http.StatusBadRequest, 69: http.StatusBadRequest, 72: http.StatusBadRequest,
	117: http.StatusBadRequest,

	46: http.StatusNotFound, 47: http.StatusNotFound, 50: http.StatusNotFound, 56: http.StatusNotFound, // unknown ...
	60: http.StatusNotFound, 63: http.StatusNotFound, 73: http.StatusNotFound, 81: http.StatusNotFound, 115: http.StatusNotFound,

	497: http.StatusForbidden, chdb.CodeAuthenticationFailed: http.StatusForbidden,
	chdb.CodeNotImplemented:     http.StatusNotImplemented,
	159:                         http.StatusRequestTimeout,
	chdb.CodeQueryIsTooLarge:    http.StatusRequestEntityTooLarge,
	chdb.CodeTooManyQueries:     http.StatusServiceUnavailable,
	chdb.CodeServerShuttingDown: http.StatusServiceUnavailable,
}

// exception gives an error the engine's form; an error that is none gets the code for "unknown".
func exception(err error) *chdb.Error {
	var e *chdb.Error
	if errors.As(err, &e) {
		return e
	}
	return chdb.NewError(chdb.CodeUnknownException, "UNKNOWN_EXCEPTION", err.Error())
}

func statusOf(e *chdb.Error) int {
	if status, ok := statusByCode[e.Code]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// textOf is the exception's text with the engine's version, which drivers expect at its end.
func textOf(e *chdb.Error, version string) string {
	if strings.Contains(e.Text, "(version ") {
		return e.Text
	}
	return e.Text + " (version " + version + ")"
}
