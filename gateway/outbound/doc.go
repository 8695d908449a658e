// Package outbound is the only way to a vendor: one dialer that looks at the
// address a connection really goes to, and the HTTP transport around it.
//
// Where a call goes is decided by configuration, but what a name resolves to is
// decided by whoever runs its DNS. So the check is made on the connected
// address, for every address tried, after resolution: no spelling of an address
// and no rebinding of a name gets past it. Private, loopback, link-local (cloud
// metadata), carrier and translated ranges are refused unless they are in the
// allow-list, which model servers inside one's own network need. Plain HTTP is
// spoken only to addresses in the allow-list.
//
// No proxy is taken from the environment, no redirect is followed, and
// compression is not asked for: bodies pass through as they are.
package outbound
