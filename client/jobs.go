package client

import (
	"context"
	"io"
	"iter"
	"net/http"
)

// Verify compares the log with what was folded from it; it gives reports and, last, the
// result or an error.
func (c *Client) Verify(ctx context.Context) iter.Seq2[JobLine, error] {
	return c.job(ctx, "verify", nil, nil)
}

// Rebuild folds anew from the log, as Verify tells.
func (c *Client) Rebuild(ctx context.Context, q RebuildQuery) iter.Seq2[JobLine, error] {
	return c.job(ctx, "rebuild", q, nil)
}

// ApplyDeadLetters applies dead letters again, as Verify tells.
func (c *Client) ApplyDeadLetters(ctx context.Context, q DeadLettersQuery) iter.Seq2[JobLine, error] {
	return c.job(ctx, "dead-letters/apply", q, nil)
}

// Simulate runs recorded requests through a draft, as Verify tells. Nothing is changed.
func (c *Client) Simulate(ctx context.Context, draft Hub, q SimulateQuery) iter.Seq2[JobLine, error] {
	return c.job(ctx, "simulate", q, draft)
}

// PriceUnpriced books the prices in force for what was recorded without one, as Verify
// tells.
func (c *Client) PriceUnpriced(ctx context.Context, q UnpricedQuery) iter.Seq2[JobLine, error] {
	return c.job(ctx, "corrections/unpriced", q, nil)
}

// Archive tells how far the log is archived and trimmed.
func (c *Client) Archive(ctx context.Context) (Archive, error) {
	return get[Archive](ctx, c, "archive", nil)
}

// RunArchive archives all of the log and trims what may be trimmed, as Verify tells.
func (c *Client) RunArchive(ctx context.Context, q ArchiveQuery) iter.Seq2[JobLine, error] {
	return c.job(ctx, "archive/run", q, nil)
}

// VerifyArchive compares the archive with its hashes and the log, as Verify tells.
func (c *Client) VerifyArchive(ctx context.Context, q ArchiveQuery) iter.Seq2[JobLine, error] {
	return c.job(ctx, "archive/verify", q, nil)
}

// Backup opens a backup, a tar that is not encrypted. The caller closes it; one that
// breaks off is an error of reading, and none.
func (c *Client) Backup(ctx context.Context) (io.ReadCloser, error) {
	return c.open(ctx, "backup", nil)
}

// job starts a long work and gives what it says.
func (c *Client) job(ctx context.Context, path string, query, body any) iter.Seq2[JobLine, error] {
	return lines[JobLine](ctx, c, Request{Method: http.MethodPost, Path: base + path, Query: values(query)}, body)
}
