// Package embedded runs the real ClickHouse engine without a server.
//
// The engine is a shared library (libchdb). It runs in a child process of the same executable, so that a crash in it cannot
// hurt the gateway, and serves the ClickHouse HTTP interface on loopback, so that one client, one SQL dialect and one set
// of migrations serve it and a real server alike.
//
// The parent side is Start: it owns the listening socket and lends it to the child, which is why address and password
// outlive a restart and connections queue meanwhile. It restarts a child that dies. The child side is Main, run by a
// hidden subcommand: it takes its configuration and the password from standard input, and dies when that ends, when the
// parent dies, or on SIGTERM.
//
// Who may connect can read and write tables, and nothing else: no files, no other hosts, no users, one statement at a time.
package embedded
