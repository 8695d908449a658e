package signin

import (
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// Tokens knows whose token the headers of a request carry.
type Tokens interface {
	// Identify tells whose credential the headers carry; from says where the request
	// came from. Its error is a *gateway.Error.
	Identify(h http.Header, from string) (auth.Person, error)
}

// Identifier recognises whoever makes a request under /api, by a token or by a
// session. A request with a token is of the token, whatever cookies it has.
type Identifier struct {
	tokens  Tokens
	service *Service
}

// NewIdentifier makes an identifier.
func NewIdentifier(t Tokens, s *Service) *Identifier { return &Identifier{t, s} }

// Identify tells who makes a request. Its error is a *gateway.Error.
func (i *Identifier) Identify(r *http.Request) (auth.Person, error) {
	token := tokenOf(r)
	if auth.HasCredential(r.Header) || token.Empty() {
		return i.tokens.Identify(r.Header, r.RemoteAddr)
	}
	if changes(r.Method) {
		media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || media != "application/json" {
			return auth.Person{}, &gateway.Error{
				Kind: gateway.Invalid, Code: "unsupported_content_type", Public: "With a session whatever changes something must have the Content-Type application/json.",
			}
		}
	}
	p, _, err := i.service.Recognise(r.Context(), token)
	return p, err
}

func changes(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

// freshTime is how old the proof of who somebody is may be for what is sensitive.
const freshTime = 15 * time.Minute

// sensitive are the addresses below which a change gives rights, or touches secrets or
// where they are sent to.
func sensitive() []string {
	return []string{"account/tokens", "credentials", "invites", "keys", "providers", "settings", "tokens", "users"}
}

// needsProof tells whether a session needs a fresh proof for a route: for what is
// sensitive, what administrators alone may change, and the end of a tenant. Tokens are
// exempt: they are proof each time.
func needsProof(r web.Route) bool {
	path := strings.TrimPrefix(r.Path, "/api/v1/")
	below := func(family string) bool { return path == family || strings.HasPrefix(path, family+"/") }
	switch {
	case !changes(r.Method):
		return false
	case r.Permission == web.Administer:
		return true
	case r.Method == http.MethodDelete: // takes rights, and secrets, from others
		return below("tenants")
	}
	return slices.ContainsFunc(sensitive(), below)
}

// Fresh makes those of the routes that need one ask for a proof that is at most 15
// minutes old.
func Fresh(routes []web.Route, now func() time.Time) []web.Route {
	for i, r := range routes {
		if needsProof(r) {
			routes[i].Handler = fresh(r.Handler, now)
		}
	}
	return routes
}

func fresh(h echo.HandlerFunc, now func() time.Time) echo.HandlerFunc {
	return func(c echo.Context) error {
		p := auth.From(c.Request().Context())
		if p.Via == auth.ViaSession && now().Sub(p.Since) > freshTime {
			return &gateway.Error{
				Kind: gateway.Forbidden, Code: "reauthenticate", Public: "Prove who you are once more: POST /api/v1/session/reauthenticate.",
			}
		}
		return h(c)
	}
}
