// Package front serves the part of the ClickHouse HTTP interface that clickhouse-go needs, over engine connections.
//
// A request gets an engine connection of its own, so that settings, current database and parameters die with it. Its whole
// body is read before anything runs: a cut upload must not commit. The body of an INSERT is data and never becomes SQL.
// Statements are answered in the engine's Native format of revision 0; the driver learns that from the answer to its
// first question, which this package gives by itself.
//
// Not served, and refused: sessions, external tables, several statements in one request, files.
package front
