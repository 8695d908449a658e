package front

import (
	"context"
	"crypto/subtle"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/chdb"
)

// Session is one engine connection. It runs one statement at a time.
type Session interface {
	// Run writes the statement's output to w. An error before the first write is an early error.
	Run(st chdb.Statement, w io.Writer) error
	Close()
}

// Config says whom to serve, and how much.
type Config struct {
	Connect  func() (Session, error)
	User     string
	Password string
	Database string // current database of a request that names none

	Concurrency int           // statements that run at once
	QueueWait   time.Duration // how long a request waits for its turn before it is refused
	BodyTimeout time.Duration // how long a request's body may take to arrive
	MaxBody     int64         // bytes of a body, as sent and as decompressed
}

// Handler is the HTTP interface.
type Handler struct {
	cfg      Config
	identity identity
	killer   *killer
	slots    chan struct{}
	queries  atomic.Uint64
	stopping context.Context
	stop     context.CancelFunc
}

// identity is what the engine says of itself.
type identity struct {
	displayName, version, timezone string
}

// New asks the engine who it is and returns its HTTP interface.
func New(cfg Config) (*Handler, error) {
	control, err := cfg.Connect()
	if err != nil {
		return nil, fmt.Errorf("open control connection: %w", err)
	}
	h := &Handler{cfg: cfg, killer: &killer{session: control}, slots: make(chan struct{}, cfg.Concurrency)}
	h.stopping, h.stop = context.WithCancel(context.Background())
	for question, answer := range map[string]*string{
		"SELECT displayName()": &h.identity.displayName, "SELECT version()": &h.identity.version, "SELECT timezone()": &h.identity.timezone,
	} {
		if *answer, err = ask(control, question); err != nil {
			control.Close()
			return nil, fmt.Errorf("%s: %w", question, err)
		}
	}
	return h, nil
}

// Version is the engine's version.
func (h *Handler) Version() string { return h.identity.version }

// Stop refuses new statements and cancels those that run. It returns at once.
func (h *Handler) Stop() { h.stop() }

// Close closes the control connection; no request may run any more.
func (h *Handler) Close() { h.killer.session.Close() }

// ServeHTTP answers a liveness question on /ping and statements on /.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/ping":
		w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		_, _ = io.WriteString(w, "Ok.\n")
	case "/":
		h.answer(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (h *Handler) answer(w http.ResponseWriter, r *http.Request) {
	res := &response{w: w, identity: h.identity, queryID: r.URL.Query().Get("query_id")}
	if err := h.serve(r, res); err != nil {
		res.fail(exception(err))
		return
	}
	res.finish()
}

func (h *Handler) serve(r *http.Request, res *response) error {
	if err := h.authenticate(r); err != nil {
		return err
	}
	release, err := h.acquire(r.Context())
	if err != nil {
		return err
	}
	defer release()
	req, err := h.read(res.w, r)
	if err != nil {
		return err
	}
	res.prepare(req)
	if req.isHello() {
		_, err := res.Write(hello(h.identity, req.protocolVersion))
		return err
	}
	return h.run(r.Context(), req, res)
}

// run gives the request a session and runs its statement there.
func (h *Handler) run(ctx context.Context, req *request, res *response) error {
	session, err := h.cfg.Connect()
	if err != nil {
		return chdb.NewError(chdb.CodeNetworkError, "NETWORK_ERROR", err.Error())
	}
	defer session.Close()
	id := strconv.FormatUint(h.queries.Add(1), 10)
	if err := req.configure(session, id, h.cfg.Database); err != nil {
		return err
	}
	if !req.readsOnly {
		ctx = context.Background() // as on a server, a write runs to its end when its client goes away
	}
	defer h.killer.watch(ctx, h.stopping, id)()
	return session.Run(req.statement, res)
}

func (h *Handler) authenticate(r *http.Request) error {
	user, password, ok := r.BasicAuth()
	if !ok {
		user, password = r.Header.Get("X-ClickHouse-User"), r.Header.Get("X-ClickHouse-Key")
	}
	sameUser := subtle.ConstantTimeCompare([]byte(user), []byte(h.cfg.User))
	samePassword := subtle.ConstantTimeCompare([]byte(password), []byte(h.cfg.Password))
	if sameUser&samePassword != 1 {
		return chdb.NewError(chdb.CodeAuthenticationFailed, "AUTHENTICATION_FAILED", "Authentication failed: wrong user or password")
	}
	if r.Method != http.MethodPost {
		return chdb.NewError(chdb.CodeBadArguments, "BAD_ARGUMENTS", "Only the method POST is served")
	}
	return nil
}

// acquire waits for the request's turn. A slot bounds the memory of bodies and results as well as the engine's work.
func (h *Handler) acquire(ctx context.Context) (release func(), err error) {
	if h.stopping.Err() != nil {
		return nil, chdb.NewError(chdb.CodeServerShuttingDown, "SERVER_SHUTTING_DOWN", "The engine is stopping")
	}
	release = func() { <-h.slots }
	select {
	case h.slots <- struct{}{}:
		return release, nil
	default: // only now the clock counts
	}
	timer := time.NewTimer(h.cfg.QueueWait)
	defer timer.Stop()
	select {
	case h.slots <- struct{}{}:
		return release, nil
	case <-ctx.Done():
		return nil, chdb.NewError(chdb.CodeQueryWasCancelled, "QUERY_WAS_CANCELLED", "The client went away while waiting")
	case <-h.stopping.Done():
		return nil, chdb.NewError(chdb.CodeServerShuttingDown, "SERVER_SHUTTING_DOWN", "The engine is stopping")
	case <-timer.C:
		return nil, chdb.NewError(chdb.CodeTooManyQueries, "TOO_MANY_SIMULTANEOUS_QUERIES",
			fmt.Sprintf("%d statements run already and none ended within %s", h.cfg.Concurrency, h.cfg.QueueWait))
	}
}
