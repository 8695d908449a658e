// Package chdb binds libchdb, the ClickHouse engine as a shared library, without cgo.
//
// The engine is process-wide: one data path, one boot, any number of connections. A connection runs one statement at a
// time; connections run in parallel. The binding needs the API of library version 26.7 and exists on linux/amd64 only;
// under the build tag noengine it is left out and only the types remain.
//
// Data never travels inside SQL text: the engine's client code ends inline INSERT data at the first blank line and runs
// what follows as SQL. Rows go through the library's insert stream instead, which needs no file descriptor and refuses a
// truncated body as a whole.
package chdb
