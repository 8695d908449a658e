package signin

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway/control"
)

// The cookie of a session. Browsers take the first only from its own host, over TLS.
// Without TLS, which is for one's own machine only, some take it and some do not, so
// there it has another name, by which nothing is believed that comes from elsewhere.
const (
	hostCookie  = "__Host-llmhub"
	localCookie = "llmhub-local"
)

// ownMachine tells whether a request comes from a browser of this machine that has
// asked this machine, without a proxy in between.
func ownMachine(r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !from.Addr().Unmap().IsLoopback() || r.TLS != nil {
		return false
	}
	for _, proxied := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Via"} {
		if r.Header.Get(proxied) != "" {
			return false
		}
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || err == nil && a.IsLoopback()
}

// tokenOf is the token of the session that a request comes with; empty: none, or
// several.
func tokenOf(r *http.Request) control.Secret {
	names := []string{hostCookie}
	if ownMachine(r) {
		names = append(names, localCookie)
	}
	var found []string
	for _, name := range names {
		for _, c := range r.CookiesNamed(name) {
			found = append(found, c.Value)
		}
	}
	if len(found) != 1 {
		return control.Secret{}
	}
	return control.NewSecret(found[0])
}

// setCookie gives the browser a session; an empty token takes it away.
func setCookie(c echo.Context, token control.Secret) {
	cookie := &http.Cookie{
		Name: hostCookie, Value: token.Reveal(), Path: "/", MaxAge: int(LongestTime.Seconds()),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if ownMachine(c.Request()) {
		cookie.Name, cookie.Secure = localCookie, false
	}
	if token.Empty() {
		cookie.MaxAge = -1
	}
	http.SetCookie(c.Response(), cookie)
}
