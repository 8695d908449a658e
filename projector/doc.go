// Package projector holds what the folds of the log have in common. A fold reads
// the log in order and tells what it means: counters the live totals of every
// scope, tables the rows that questions are asked of. query, export, verify,
// rebuild and replay read what they made.
package projector
