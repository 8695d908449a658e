// Package migrations holds the schema of the analytics tables: numbered files,
// one statement each, written for the current database, so that the same files
// make every generation of the tables. projector/clickhouse runs them.
package migrations

import "embed"

// FS holds the files, named <version>_<title>.(up|down).sql.
//
//go:embed *.sql
var FS embed.FS
