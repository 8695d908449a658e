package natslog

import (
	"github.com/nats-io/nats.go/jetstream"

	"github.com/llm-hub/llm-hub/events"
)

// What sessions may take: a share of what the traffic may, or so much where that has no
// bound, which is room for some ten thousand.
const (
	sessionsShare = 64
	sessionsBytes = 16 << 20
)

// sessionsConfig declares the bucket of sessions. Entries lapse without leaving a mark,
// because whoever reads one knows when it is over; if there are too many the oldest go:
// somebody signs in again, and nobody is kept out.
func sessionsConfig(cfg Config, replicas int) jetstream.StreamConfig {
	c := bucketConfig(events.SessionsBucket, "who is signed in, and how often passwords were tried", replicas)
	c.AllowMsgTTL = true
	c.Discard = jetstream.DiscardOld
	c.MaxBytes = sessionsBytes
	if cfg.MaxBytes > 0 {
		c.MaxBytes = max(cfg.MaxBytes/sessionsShare, 1<<20)
	}
	return c
}

// Sessions is the bucket of who is signed in.
func (l *Log) Sessions() Bucket { return l.sessions }
