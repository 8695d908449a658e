package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"reflect"
	"strconv"
	"strings"
)

// Client calls the API of one hub. It may be used by several goroutines at once.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// New makes a client of the hub at an address like https://hub.example. It is known by an
// operator's or a personal token or, without one, by the session that it begins
// ([Client.Login]), whose cookie is in doer's jar, or one of its own if doer has none. doer
// may be nil: [http.DefaultClient].
func New(address, token string, doer *http.Client) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("client: %q is not the address of a hub like https://hub.example", address)
	}
	c := &Client{base: strings.TrimRight(address, "/"), token: token, http: cmp.Or(doer, http.DefaultClient)}
	if token == "" && c.http.Jar == nil {
		own := *c.http
		if own.Jar, err = cookiejar.New(nil); err != nil {
			return nil, fmt.Errorf("client: %w", err)
		}
		c.http = &own
	}
	return c, nil
}

// Request is one call in its own words, for what no method here does.
type Request struct {
	Method string
	Path   string // escaped, like /api/v1/usage
	Query  url.Values
	Body   []byte // JSON; nil: none

	IfMatch        string // ETag that what is changed must have; empty: any
	IdempotencyKey string // the command with it is done once; empty: none
	LastEventID    string // that a tail goes on after; empty: none
}

// Do makes a call. An answer other than 2xx is an [*Error]; else the caller closes the
// body.
func (c *Client) Do(ctx context.Context, r Request) (*http.Response, error) {
	target := c.base + r.Path
	if len(r.Query) > 0 {
		target += "?" + r.Query.Encode()
	}
	var body io.Reader // nil without one, so that nothing is announced
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, target, body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Path, err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	for name, value := range map[string]string{
		"Content-Type": r.media(), "If-Match": r.IfMatch, "Idempotency-Key": r.IdempotencyKey, "Last-Event-ID": r.LastEventID,
	} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Path, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, readError(resp)
}

// media is what a session must say of every change, even of one without a body.
func (r Request) media() string {
	if r.Method == http.MethodGet {
		return ""
	}
	return "application/json"
}

// Option says how a command is given.
type Option func(*Request)

// IfVersion gives the command only if the object still has this version; otherwise it is
// an [*Error] with status 412 that has the current one.
func IfVersion(version uint64) Option {
	return func(r *Request) { r.IfMatch = strconv.Quote(strconv.FormatUint(version, 10)) }
}

// Once gives the command with an idempotency key: repeated, it is done once.
func Once(key string) Option { return func(r *Request) { r.IdempotencyKey = key } }

// DryRun only tells what would change.
func DryRun() Option {
	return func(r *Request) {
		if r.Query == nil {
			r.Query = url.Values{}
		}
		r.Query.Set("dry_run", "true")
	}
}

// get asks a question; query is a struct of this package, or nil.
func get[A any](ctx context.Context, c *Client, path string, query any) (A, error) {
	return call[A](ctx, c, Request{Method: http.MethodGet, Path: base + path, Query: values(query)}, nil)
}

// post gives a command.
func post[A any](ctx context.Context, c *Client, path string, query, body any, options ...Option) (A, error) {
	return call[A](ctx, c, Request{Method: http.MethodPost, Path: base + path, Query: values(query)}, body, options...)
}

const base = "/api/v1/"

func call[A any](ctx context.Context, c *Client, r Request, body any, options ...Option) (A, error) {
	var answer A
	for _, o := range options {
		o(&r)
	}
	resp, err := c.send(ctx, r, body)
	if err != nil {
		return answer, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return answer, fmt.Errorf("%s: answer: %w", r.Path, err)
	}
	return answer, nil
}

// command gives a command that answers nothing.
func (c *Client) command(ctx context.Context, r Request, body any) error {
	resp, err := c.send(ctx, r, body)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// send makes a call with a body that is encoded; nil: none.
func (c *Client) send(ctx context.Context, r Request, body any) (*http.Response, error) {
	if body != nil {
		var err error
		if r.Body, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Path, err)
		}
	}
	return c.Do(ctx, r)
}

// values are the parameters that a struct has set.
func values(query any) url.Values {
	out := url.Values{}
	if query == nil {
		return out
	}
	v := reflect.ValueOf(query)
	for _, f := range reflect.VisibleFields(v.Type()) {
		name, field := f.Tag.Get("query"), v.FieldByIndex(f.Index)
		if name != "" && !field.IsZero() {
			out.Set(name, fmt.Sprint(field.Interface()))
		}
	}
	return out
}

// Error is what the API says of a call that failed, as RFC 9457 has it.
type Error struct {
	Status int             `json:"status"`
	Title  string          `json:"title"`
	Detail string          `json:"detail"`
	Code   string          `json:"code"`  // the kind of error, or what is more exact
	Field  string          `json:"field"` // the parameter or value at fault, by its path; empty: none
	Extra  json.RawMessage `json:"extra"`
}

// Error says what is wrong, with every field at fault.
func (e *Error) Error() string {
	text := cmp.Or(e.Detail, e.Title)
	if e.Field != "" && !strings.Contains(text, e.Field) {
		text = e.Field + ": " + text
	}
	for _, f := range e.Fields() {
		if f.Field != e.Field || f.Detail != e.Detail {
			text += "\n" + f.Field + ": " + f.Detail
		}
	}
	return text
}

// FieldError is one mistake in what was sent.
type FieldError struct {
	Field  string `json:"field"` // path
	Detail string `json:"detail"`
}

// Fields are all mistakes, if the hub has told them one by one.
func (e *Error) Fields() []FieldError {
	var extra struct{ Errors []FieldError }
	_ = json.Unmarshal(e.Extra, &extra) // which may be of another shape
	return extra.Errors
}

// Current is what a 412 has of the object that was changed meanwhile: its version, and
// what it is now into spec, to merge with. False: it has none.
func (e *Error) Current(spec any) (version uint64, ok bool) {
	var extra struct {
		Version uint64
		Spec    json.RawMessage
	}
	if e.Status != http.StatusPreconditionFailed || json.Unmarshal(e.Extra, &extra) != nil || extra.Spec == nil {
		return 0, false
	}
	return extra.Version, json.Unmarshal(extra.Spec, spec) == nil
}

// StatusOf is the HTTP status of an error of the API, 0 of any other.
func StatusOf(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	return 0
}

const maxProblem = 64 << 10

func readError(resp *http.Response) error {
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	if err != nil {
		return fmt.Errorf("%s: %w", resp.Status, err)
	}
	e := &Error{}
	if json.Unmarshal(b, e) != nil || e.Detail == "" && e.Title == "" {
		e = &Error{Title: resp.Status, Detail: strings.TrimSpace(resp.Status + ": " + string(b))}
	}
	e.Status = resp.StatusCode
	return e
}
