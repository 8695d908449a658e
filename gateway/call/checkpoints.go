package call

import (
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/gateway/provider"
)

// A long stream leaves a checkpoint after so much time, if there is news, or so
// many tokens.
const (
	checkpointEvery  = 5 * time.Second
	checkpointTokens = 1000
)

// checkpoints records how far a stream has come. Its timer goes on while the
// vendor pauses, which is when a node is as likely to die as at any other time.
type checkpoints struct {
	attempt *attempt

	mu      sync.Mutex // between the stream and the timer
	timer   *time.Timer
	now     provider.Progress
	marked  int64 // tokens of answer at the last checkpoint; -1: there was none
	stopped bool
}

func newCheckpoints(a *attempt) *checkpoints {
	c := &checkpoints{attempt: a, marked: -1}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = time.AfterFunc(checkpointEvery, c.tick)
	return c
}

// note takes the progress of the stream.
func (c *checkpoints) note(p provider.Progress) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = p
	if p.Output-max(c.marked, 0) >= checkpointTokens {
		c.mark()
		c.timer.Reset(checkpointEvery)
	}
}

func (c *checkpoints) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return
	}
	if c.now.Output > c.marked {
		quietly(c.mark) // a panic here would be the process's end
	}
	c.timer.Reset(checkpointEvery)
}

// mark records a checkpoint. c.mu is held, so the request's facts, which are for
// one goroutine, see one at a time.
func (c *checkpoints) mark() {
	a := c.attempt
	c.marked = c.now.Output
	a.flight.facts.Checkpoint(a.number, a.target, a.flight.price(a.target, a.soFar(c.now)))
}

// stop sees to it that no further checkpoint is recorded.
func (c *checkpoints) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	c.timer.Stop()
}
