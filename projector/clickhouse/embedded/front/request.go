package front

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/chdb"
	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/sqltext"
)

// helloQuery is the driver's first question on a connection.
const helloQuery = "SELECT displayName(), version(), revision(), timezone()"

const (
	paramPrefix    = "param_"
	formatNative   = "Native"
	formatDefault  = "TabSeparated"
	settingComment = "log_comment"
)

var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

type setting struct{ name, value string }

// request is what a client asks for.
type request struct {
	statement       chdb.Statement
	settings        []setting
	comment         string
	database        string
	protocolVersion int    // what the client can decode; 0 for none
	outputFormat    string // of the answer
	readsOnly       bool
	answer          encoding
}

func (req *request) isHello() bool {
	return req.statement.SQL == helloQuery && req.protocolVersion > 0 && req.outputFormat == formatNative
}

// read reads the whole request.
func (h *Handler) read(w http.ResponseWriter, r *http.Request) (*request, error) {
	query := r.URL.Query()
	req := &request{database: query.Get("database"), answer: answerEncoding(query, r.Header)}
	if v := query.Get("client_protocol_version"); v != "" {
		version, err := strconv.Atoi(v)
		if err != nil {
			return nil, chdb.NewError(chdb.CodeBadArguments, "BAD_ARGUMENTS", "client_protocol_version is not a number")
		}
		req.protocolVersion = version
	}
	if err := req.sortParameters(query); err != nil {
		return nil, err
	}
	body, err := h.readBody(w, r)
	if err != nil {
		return nil, err
	}
	return req, req.parse(query, body)
}

// sortParameters divides the URL's parameters into values of {name:Type} and settings.
func (req *request) sortParameters(query url.Values) error {
	for name, values := range query {
		value := values[len(values)-1]
		if param, ok := strings.CutPrefix(name, paramPrefix); ok {
			if req.statement.Params == nil {
				req.statement.Params = map[string]string{}
			}
			req.statement.Params[param] = value
			continue
		}
		switch {
		case isServed(name):
		case isRefused(name):
			return chdb.NewError(chdb.CodeNotImplemented, "NOT_IMPLEMENTED", "The URL parameter "+name+" is not served by the embedded engine")
		case name == settingComment:
			req.comment = value
		case !settingName.MatchString(name):
			return chdb.NewError(chdb.CodeBadArguments, "BAD_ARGUMENTS", "Malformed name of a setting")
		default:
			req.settings = append(req.settings, setting{name, value})
		}
	}
	slices.SortFunc(req.settings, func(a, b setting) int { return strings.Compare(a.name, b.name) })
	return nil
}

// parse finds the statement. With a query in the URL the body can only be the data of an INSERT.
func (req *request) parse(query url.Values, body []byte) error {
	text, inURL := query.Get("query"), query.Has("query")
	if !inURL {
		text = string(body)
	}
	st, err := sqltext.Parse(text)
	if err != nil {
		return chdb.NewError(chdb.CodeSyntaxError, "SYNTAX_ERROR", err.Error())
	}
	req.readsOnly = isSelect(st.Keyword) || isQuestion(st.Keyword)
	req.statement.SQL, req.statement.Format = st.SQL, query.Get("default_format")
	if req.statement.Format == "" {
		req.statement.Format = formatDefault
	}
	req.outputFormat = req.statement.Format
	switch {
	case st.HasData:
		req.statement.Kind, req.statement.Format = chdb.Insert, st.Format
		req.statement.Data = []byte(st.Data)
		if inURL {
			req.statement.Data = append(req.statement.Data, body...)
		}
		return nil
	case inURL && len(body) > 0:
		return chdb.NewError(chdb.CodeBadArguments, "BAD_ARGUMENTS", "A body was sent along with a statement that takes no data")
	case st.Format != "":
		req.outputFormat = st.Format
	}
	if isSelect(st.Keyword) && isConcatenable(req.outputFormat) {
		req.statement.Kind = chdb.Stream
	}
	return nil
}

// isServed says whether a URL parameter is one of the HTTP interface and not a setting. Some ask for nothing that this
// package does not do anyway.
func isServed(parameter string) bool {
	switch parameter {
	case "query", "database", "query_id", "default_format", "client_protocol_version",
		"compress", "decompress", "network_compression_method", "network_zstd_compression_level",
		"enable_http_compression", "http_zlib_compression_level", "quota_key", "wait_end_of_query", "buffer_size",
		"send_progress_in_http_headers", "http_headers_progress_interval_ms",
		"cancel_http_readonly_queries_on_client_close", "database_replicated_enforce_synchronous_settings":
		return true
	}
	return false
}

// isRefused says whether a URL parameter asks for what only a server has, or has no place in a URL.
func isRefused(parameter string) bool {
	switch parameter {
	case "session_id", "session_timeout", "session_check", "close_session", "user", "password", "role", "stacktrace":
		return true
	}
	return false
}

// isSelect says whether a statement with this first word can be streamed.
func isSelect(keyword string) bool {
	return keyword == "SELECT" || keyword == "WITH" || keyword == "FROM"
}

// isQuestion says whether a statement with this first word leaves no trace, so that it may be cancelled with its client.
func isQuestion(keyword string) bool {
	switch keyword {
	case "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK":
		return true
	}
	return false
}

// isConcatenable says whether blocks in this output format form one document when written one after the other.
func isConcatenable(format string) bool {
	switch format {
	case formatNative, "RowBinary", "CSV", "TSV", formatDefault, "TSVRaw", "TabSeparatedRaw",
		"JSONEachRow", "JSONCompactEachRow", "JSONLines", "NDJSON", "LineAsString":
		return true
	}
	return false
}

// configure prepares the session: tag, settings, current database.
func (req *request) configure(session Session, id, defaultDatabase string) error {
	var set strings.Builder
	set.WriteString("SET " + settingComment + " = " + quoteString(tag(id, req.comment)))
	for _, s := range req.settings {
		set.WriteString(", " + s.name + " = " + quoteString(s.value))
	}
	if err := session.Run(chdb.Statement{SQL: set.String(), Format: "Null"}, io.Discard); err != nil {
		return err
	}
	database := req.database
	if database == "" {
		database = defaultDatabase
	}
	return session.Run(chdb.Statement{SQL: "USE " + quoteName(database), Format: "Null"}, io.Discard)
}

func quoteString(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

func quoteName(s string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(s) + "`"
}
