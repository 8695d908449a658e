package front

import (
	"errors"
	"net/http"
	"strings"

	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/chdb"
)

// exception gives an error the engine's form; an error that is none gets the code for "unknown".
func exception(err error) *chdb.Error {
	var e *chdb.Error
	if errors.As(err, &e) {
		return e
	}
	return chdb.NewError(chdb.CodeUnknownException, "UNKNOWN_EXCEPTION", err.Error())
}

// statusOf maps an exception to the HTTP status that a server gives it.
func statusOf(e *chdb.Error) int {
	switch e.Code {
	case chdb.CodeBadArguments, chdb.CodeSyntaxError, 6, 7, 26, 27, 38, 41, 44, 53, 69, 72, 117: // cannot be parsed, wrong type
		return http.StatusBadRequest
	case 46, 47, 50, 56, 60, 63, 73, 81, 115: // unknown function, table, setting and so on
		return http.StatusNotFound
	case chdb.CodeAuthenticationFailed, 497: // 497: access denied
		return http.StatusForbidden
	case 159: // max_execution_time
		return http.StatusRequestTimeout
	case chdb.CodeQueryIsTooLarge:
		return http.StatusRequestEntityTooLarge
	case chdb.CodeNotImplemented:
		return http.StatusNotImplemented
	case chdb.CodeTooManyQueries, chdb.CodeServerShuttingDown:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// textOf is the exception's text with the engine's version, which drivers expect at its end.
func textOf(e *chdb.Error, version string) string {
	if strings.Contains(e.Text, "(version ") {
		return e.Text
	}
	return e.Text + " (version " + version + ")"
}
