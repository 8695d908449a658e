package conversation

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
)

const (
	// maxHistory bounds what is put together of a conversation, in bytes of JSON: as
	// much as a request may have.
	maxHistory = 10 << 20
	// maxTurns bounds the answers of a conversation.
	maxTurns = 1000

	chunkSize  = 512 << 10 // a bucket's values are 1,000 KiB at most
	maxContent = 32 << 20  // of one answer, as it is encoded before it is packed
	maxChunks  = 64
)

// Content is what an answer is and what led to it.
type Content struct {
	Previous string          `json:"previous,omitempty"` // id of the answer before
	Input    json.RawMessage `json:"input"`              // list of items that were new
	Response json.RawMessage `json:"response"`           // as the client got it
}

func (s *Store) saveContent(ctx context.Context, a Answer, c Content, ttl time.Duration) (chunks int, err error) {
	packed, err := pack(c)
	if err != nil {
		return 0, err
	}
	place := key(chunkKey, a.Tenant, a.ID)
	sealed, err := s.cfg.Vault.Seal(ctx, sealedAt(a.Tenant, place), control.NewSecret(string(packed)))
	if err != nil {
		return 0, fmt.Errorf("seal the content: %w", err)
	}
	if len(sealed) > maxChunks*chunkSize {
		return 0, fmt.Errorf("the content has %d bytes, more than %d", len(sealed), maxChunks*chunkSize)
	}
	for chunk := range slices.Chunk([]byte(sealed), chunkSize) {
		if _, err := s.cfg.Bucket.PutFor(ctx, events.Put{Key: place + "." + strconv.Itoa(chunks), Value: chunk}, ttl); err != nil {
			return 0, err
		}
		chunks++
	}
	return chunks, nil
}

// sealedAt is what the seal of content is bound to.
func sealedAt(tenant events.TenantID, place string) control.Place {
	return control.Place{Tenant: tenant, Object: place, Field: "content"}
}

// pack makes bytes of content; most of it is text.
func pack(c Content) ([]byte, error) {
	if n := len(c.Input) + len(c.Response); n > maxContent/2 {
		return nil, fmt.Errorf("the content has %d bytes, more than %d", n, maxContent/2)
	}
	plain, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode the content: %w", err)
	}
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		return nil, fmt.Errorf("pack the content: %w", err)
	}
	_, err = w.Write(plain)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("pack the content: %w", err)
	}
	return b.Bytes(), nil
}

func unpack(packed []byte) (c Content, err error) {
	plain, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxContent))
	if err == nil {
		err = json.Unmarshal(plain, &c)
	}
	if err != nil {
		return Content{}, errors.New("content is not as it was kept") // its own words could tell what it was
	}
	return c, nil
}

// Content gives what the gateway has kept of an answer, or [ErrNotFound], or
// [ErrUnreachable].
func (s *Store) Content(ctx context.Context, a Answer) (Content, error) {
	r, err := s.record(ctx, key(answerKey, a.Tenant, a.ID))
	switch {
	case err != nil:
		return Content{}, err
	case r.Chunks == 0:
		return Content{}, ErrNotFound
	}
	place := key(chunkKey, a.Tenant, a.ID)
	var sealed []byte
	for i := range min(r.Chunks, maxChunks) {
		chunk, err := s.get(ctx, place+"."+strconv.Itoa(i))
		if err != nil {
			return Content{}, err
		}
		sealed = append(sealed, chunk...)
	}
	packed, err := s.cfg.Vault.Open(ctx, sealedAt(a.Tenant, place), string(sealed))
	switch {
	case errors.Is(err, events.ErrUnavailable):
		return Content{}, fmt.Errorf("%w: %w", ErrUnreachable, err)
	case err != nil:
		s.cfg.Logger.Warn("what is kept of an answer cannot be opened", "tenant", a.Tenant, "answer", a.ID, "error", err)
		return Content{}, ErrNotFound
	}
	return unpack([]byte(packed.Reveal()))
}

// ErrTooLong is the error for a conversation over the bounds.
var ErrTooLong = errors.New("the conversation is too long to be put together")

// History gives the items of a conversation up to and with an answer, oldest first.
// Errors are [ErrTooLong] and those of Content.
func (s *Store) History(ctx context.Context, a Answer) ([]json.RawMessage, error) {
	var turns [][]json.RawMessage
	size := 0
	for next := a; ; {
		if len(turns) == maxTurns {
			return nil, ErrTooLong
		}
		c, err := s.Content(ctx, next)
		if err != nil {
			return nil, err
		}
		if size += len(c.Input) + len(c.Response); size > s.cfg.History {
			return nil, ErrTooLong
		}
		items, err := c.items()
		if err != nil {
			return nil, err
		}
		turns = append(turns, items)
		if c.Previous == "" {
			break
		}
		next = Answer{Tenant: a.Tenant, ID: c.Previous}
	}
	slices.Reverse(turns)
	return slices.Concat(turns...), nil
}

// items are what was new and what was answered.
func (c Content) items() ([]json.RawMessage, error) {
	var input []json.RawMessage
	var response struct {
		Output []json.RawMessage `json:"output"`
	}
	if json.Unmarshal(c.Input, &input) != nil || json.Unmarshal(c.Response, &response) != nil {
		return nil, errors.New("content is not as it was kept")
	}
	return append(input, response.Output...), nil
}

// Item gives the item of an answer that has that id. Errors are those of Content.
func (s *Store) Item(ctx context.Context, a Answer, id string) (json.RawMessage, error) {
	c, err := s.Content(ctx, a)
	if err != nil {
		return nil, err
	}
	items, err := c.items()
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		var named struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(item, &named) == nil && named.ID == id {
			return item, nil
		}
	}
	return nil, ErrNotFound
}
