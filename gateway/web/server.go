package web

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

// DefaultMaxBody bounds a request's body, in bytes.
const DefaultMaxBody = 10 << 20

// maxHeaders bounds the names and values of a request's headers, in bytes.
const maxHeaders = 32 << 10

// Permission names what a caller must be allowed.
type Permission string

// The permissions there are.
const (
	// Inference is held by virtual keys: calling models.
	Inference Permission = "inference"
	// Look is to see one's traffic, what it costs and what it goes through.
	Look Permission = "look"
	// Review is to see everything that happened, with who did it: events and the audit.
	Review Permission = "review"
	// Inspect is to see what the installation is made of, but for secrets.
	Inspect Permission = "inspect"
	// ManageKeys is to change virtual keys.
	ManageKeys Permission = "keys"
	// ManagePeople is to change the users and teams of tenants.
	ManagePeople Permission = "people"
	// ManageTenant is to change what a tenant decides about itself.
	ManageTenant Permission = "tenant"
	// Operate is to check and mend the books.
	Operate Permission = "operate"
	// Configure is to change what the installation is made of.
	Configure Permission = "configure"
	// Public is what everybody may: it leads to signing in.
	Public Permission = "public"
	// Self is what everybody may who was recognised, about themselves.
	Self Permission = "self"
	// Administer is to give rights to operators, and to see and replace all that is
	// configured at once.
	Administer Permission = "administer"
)

// Permissions are those that roles have.
func Permissions() []Permission {
	return []Permission{Look, Review, Inspect, ManageKeys, ManagePeople, ManageTenant, Operate, Configure, Administer}
}

// Guard lets a request pass, or tells why not with a *gateway.Error.
type Guard func(c echo.Context) error

// Route is one method of one path.
type Route struct {
	Method     string
	Path       string // in echo's syntax
	Permission Permission
	Handler    echo.HandlerFunc
	MaxBody    int64 // bytes, 0: as of the server; the path must have no parameters then
	Doc        Doc   // of what is under /api
}

// Config configures a [Server].
type Config struct {
	Guards  map[Permission]Guard
	Logger  *slog.Logger
	MaxBody int64 // bytes, 0: [DefaultMaxBody]
}

// Server is the gateway's http.Handler.
type Server struct {
	cfg    Config
	echo   *echo.Echo
	pages  *http.CrossOriginProtection // whose requests change something under /api
	bodies map[string]int64            // bounds of paths that have their own
}

// New makes a server without routes.
func New(cfg Config) (*Server, error) {
	if cfg.Logger == nil {
		return nil, fmt.Errorf("web: Logger must be set")
	}
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = DefaultMaxBody
	}
	s := &Server{cfg: cfg, echo: echo.New(), pages: http.NewCrossOriginProtection(), bodies: map[string]int64{}}
	s.echo.Logger.SetOutput(io.Discard) // what it would say, the error handler says
	s.echo.HTTPErrorHandler = s.fail
	return s, nil
}

// Mount registers routes. The error names the first that has no permission, or
// one that nobody guards, or that is registered already.
func (s *Server) Mount(routes ...Route) error {
	for _, r := range routes {
		guard := s.cfg.Guards[r.Permission]
		if r.Permission == "" || guard == nil {
			return fmt.Errorf("route %s %s: permission %q has no guard", r.Method, r.Path, r.Permission)
		}
		for _, known := range s.echo.Routes() {
			if known.Method == r.Method && known.Path == r.Path {
				return fmt.Errorf("route %s %s: registered twice", r.Method, r.Path)
			}
		}
		if r.MaxBody > 0 {
			s.bodies[r.Path] = r.MaxBody
		}
		s.echo.Add(r.Method, r.Path, guarded(guard, r.Handler))
	}
	return nil
}

func guarded(guard Guard, h echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := guard(c); err != nil {
			return err
		}
		return h(c)
	}
}

// ServeHTTP does for every request what must be done before it is routed.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out := &writer{ResponseWriter: w, rc: http.NewResponseController(w)}
	defer s.recover(out, r)
	identify(out.Header(), r)
	if DialectOf(r) == provider.Anthropic {
		out.Header().Set(headerAnthropicID, out.Header().Get(HeaderRequestID))
	}
	out.Header().Set("X-Content-Type-Options", "nosniff")
	if operates(r.URL.Path) {
		Protect(out.Header())
	}
	if operates(r.URL.Path) && s.pages.Check(r) != nil {
		e := &gateway.Error{Kind: gateway.Forbidden, Code: "cross_origin", Public: "A page of another origin may not do this."}
		s.write(out, r, e, e.Kind.Status())
		return
	}
	if headerSize(r.Header) > maxHeaders {
		e := &gateway.Error{Kind: gateway.HeadersTooLarge, Public: fmt.Sprintf("The request's headers have more than %d bytes.", maxHeaders)}
		s.write(out, r, e, e.Kind.Status())
		return
	}
	s.echo.ServeHTTP(out, s.bounded(w, r))
}

// headerSize is how many bytes the names and values of h have.
func headerSize(h http.Header) (n int) {
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v)
		}
	}
	return n
}

// bounded is r with a bound on its body. r itself stays as it is: the listener looks
// at its body again, to answer a client that waits for "100 Continue" without waiting
// for a body that will not come.
func (s *Server) bounded(w http.ResponseWriter, r *http.Request) *http.Request {
	if r.Body == nil || r.Body == http.NoBody {
		return r
	}
	bounded := *r
	bounded.Body = http.MaxBytesReader(w, r.Body, cmp.Or(s.bodies[r.URL.Path], s.cfg.MaxBody))
	return &bounded
}

// recover keeps the process alive when a handler panics.
func (s *Server) recover(w *writer, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	s.cfg.Logger.Error("handler panicked", "method", r.Method, "path", r.URL.Path, "request", w.Header().Get(HeaderRequestID),
		"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	if w.begun {
		w.tear()
		return
	}
	s.write(w, r, &gateway.Error{Kind: gateway.Internal, Public: "Internal error."}, http.StatusInternalServerError)
}

// operates tells whether path belongs to operators, not to applications.
func operates(path string) bool { return path == "/api" || strings.HasPrefix(path, "/api/") }

// Protect sets the headers that keep answers for people and machines that operate out of
// caches, frames, other sites and guesses about their type.
func Protect(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
}

// writeTimeout bounds one write to a client. There is none on the whole answer: a
// stream may take its time, a client that reads nothing may not.
const writeTimeout = 30 * time.Second

// writer gives every write its own deadline.
type writer struct {
	http.ResponseWriter
	rc    *http.ResponseController
	until time.Time // the deadline set last
	begun bool
}

// Unwrap lets an [http.ResponseController] find the connection.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) WriteHeader(status int) {
	w.begun = true
	w.extend()
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(b []byte) (int, error) {
	w.begun = true
	w.extend()
	return w.ResponseWriter.Write(b)
}

// extend moves the deadline, at most once a second: that is exact enough.
func (w *writer) extend() {
	now := time.Now()
	if w.until.Sub(now) > writeTimeout-time.Second {
		return
	}
	w.until = now.Add(writeTimeout)
	_ = w.rc.SetWriteDeadline(w.until) // a writer without a connection needs none
}

// tear breaks the connection, so that half an answer does not look whole.
func (w *writer) tear() {
	_ = w.rc.SetWriteDeadline(time.Unix(1, 0)) // a writer without a connection has nothing to break
}
