package call

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// keepAliveEvery is how long a stream may be silent before its client hears a comment.
const keepAliveEvery = 15 * time.Second

// keepAlive is a comment: clients of event streams ignore it.
const keepAlive = ": keep-alive\n\n"

// client is the side of a request that waits for the answer.
type client struct {
	w      http.ResponseWriter
	rc     *http.ResponseController
	ctx    context.Context // ends when the client hangs up
	hangUp func()          // called when a write fails

	status int         // given to the client, 0: none yet
	lost   atomic.Bool // a write failed

	mu      sync.Mutex  // between the answer and the comments
	timer   *time.Timer // of the next comment, nil unless a stream runs
	last    time.Time   // of the last write
	between bool        // the stream is between two events, where a comment does no harm
}

func newClient(w http.ResponseWriter, r *http.Request) *client {
	return &client{w: w, rc: http.NewResponseController(w), ctx: r.Context(), hangUp: func() {}}
}

// begun tells whether the client has got anything.
func (c *client) begun() bool { return c.status != 0 }

// gone tells whether the client has hung up.
func (c *client) gone() bool { return c.lost.Load() || c.ctx.Err() != nil }

// respond sends a whole answer. It tells whether it left.
func (c *client) respond(body []byte) bool {
	c.status = http.StatusOK
	c.w.WriteHeader(http.StatusOK)
	_, err := c.w.Write(body)
	if err != nil {
		c.fail()
	}
	return err == nil
}

// startStream begins a stream, without sending anything yet.
func (c *client) startStream(comments bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = http.StatusOK
	c.w.WriteHeader(http.StatusOK)
	c.last, c.between = time.Now(), true
	if comments {
		c.timer = time.AfterFunc(keepAliveEvery, c.comment)
	}
}

// send sends the next bytes of a stream at once. It tells whether they left; to a
// client that is gone nothing does.
func (c *client) send(b []byte) bool {
	if c.gone() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.between = endsEvent(b)
	return c.write(b)
}

// write writes and flushes. c.mu is held.
func (c *client) write(b []byte) bool {
	c.last = time.Now()
	_, err := c.w.Write(b)
	if err == nil {
		err = c.rc.Flush()
	}
	if err != nil {
		c.fail()
	}
	return err == nil
}

// tear breaks the connection, so that a stream that cannot be ended well does
// not look ended at all.
func (c *client) tear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.rc.SetWriteDeadline(time.Unix(1, 0)) // a writer without deadlines has no connection to break
}

func (c *client) fail() {
	c.lost.Store(true)
	c.hangUp()
}

// comment keeps a silent stream awake.
func (c *client) comment() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer == nil || c.gone() {
		return
	}
	if silent := time.Since(c.last); silent < keepAliveEvery {
		c.timer.Reset(keepAliveEvery - silent)
		return
	}
	if c.between {
		c.write([]byte(keepAlive))
	}
	c.timer.Reset(keepAliveEvery)
}

// close sees to it that nothing is written any more.
func (c *client) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
}

// endsEvent tells whether b ends with an empty line.
func endsEvent(b []byte) bool {
	return bytes.HasSuffix(b, []byte("\n\n")) || bytes.HasSuffix(b, []byte("\r\n\r\n"))
}
