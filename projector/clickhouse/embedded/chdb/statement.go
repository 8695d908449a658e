package chdb

import (
	"strconv"
	"strings"
)

// Kind says how a statement is to be run.
type Kind int

const (
	// Execute runs the statement and hands its whole output over at once.
	Execute Kind = iota
	// Stream hands the output of a SELECT over in blocks as they are made. Use it only with formats whose blocks may be
	// concatenated. Anything else than a SELECT is executed.
	Stream
	// Insert feeds Data into an INSERT statement that carries neither FORMAT nor VALUES.
	Insert
)

// Statement is one SQL statement.
type Statement struct {
	Kind   Kind
	SQL    string
	Format string            // of the output where SQL names none; for Insert the format of Data
	Params map[string]string // values of {name:Type}, in the engine's escaped text form
	Data   []byte            // rows for Insert
}

// Codes of ClickHouse errors which the binding and its front raise themselves.
const (
	CodeSyntaxError            = 62
	CodeNetworkError           = 210
	CodeUnknownException       = 1002
	CodeCannotReadAllData      = 33
	CodeBadArguments           = 36
	CodeNotImplemented         = 48
	CodeTooManyQueries         = 202
	CodeQueryIsTooLarge        = 229
	CodeQueryWasCancelled      = 394
	CodeAuthenticationFailed   = 516
	CodeCannotDecompress       = 271
	CodeServerShuttingDown     = 425
	codeTextPrefix             = "Code: "
	exceptionTextPrefix        = "DB::Exception: "
	errorPrefixOfSomeFunctions = "Error: "
)

// Error is an exception of the engine.
type Error struct {
	Code int    // ClickHouse error code
	Text string // "Code: N. DB::Exception: ... (NAME)"
}

// Error gives the engine's own text.
func (e *Error) Error() string { return e.Text }

// NewError builds an exception in the engine's own form.
func NewError(code int, name, message string) *Error {
	return &Error{Code: code, Text: codeTextPrefix + strconv.Itoa(code) + ". " + exceptionTextPrefix + message + ". (" + name + ")"}
}

// ParseError reads the engine's error text; repeated "Code: N. DB::Exception:" prefixes are folded into one.
func ParseError(text string) *Error {
	text = strings.TrimPrefix(strings.TrimRight(text, "\n"), errorPrefixOfSomeFunctions)
	code, rest, ok := cutCode(text)
	if !ok {
		return NewError(CodeUnknownException, "UNKNOWN_EXCEPTION", text)
	}
	for {
		inner, innerRest, ok := cutCode(rest)
		if !ok || inner != code {
			return &Error{Code: code, Text: text}
		}
		text, rest = rest, innerRest
	}
}

// cutCode splits "Code: N. DB::Exception: rest".
func cutCode(text string) (code int, rest string, ok bool) {
	digits, found := strings.CutPrefix(text, codeTextPrefix)
	if !found {
		return 0, "", false
	}
	number, rest, found := strings.Cut(digits, ". ")
	if !found {
		return 0, "", false
	}
	code, err := strconv.Atoi(number)
	if err != nil {
		return 0, "", false
	}
	return code, strings.TrimPrefix(rest, exceptionTextPrefix), true
}
