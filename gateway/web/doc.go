// Package web is the gateway's HTTP server: what every request passes before a
// handler sees it, the registry of routes, and how an error looks.
//
// A route is registered with the [Permission] it needs, and a permission with
// the [Guard] that holds it; [Server.Mount] refuses a route without both, so that
// none is ever open by oversight. A handler returns its error, always a
// *gateway.Error when the client shall learn more than "internal error"; [Server]
// writes it in the shape of the client's dialect ([DialectOf]), and in that of
// RFC 9457 under /api.
package web
