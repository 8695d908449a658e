package natslog

import (
	"github.com/nats-io/nats.go/jetstream"

	"github.com/llm-hub/llm-hub/events"
)

// What answers may take, so that they leave the log its room: a share of what the
// traffic may, or so much where that has no bound. An operator may change it.
const (
	answersShare = 32
	answersBytes = 64 << 20
)

// answersConfig declares the bucket of answers that requests may go on from. Unlike
// what is folded it may be forgotten: entries lapse without leaving a mark, and if
// there are too many the oldest go.
func answersConfig(cfg Config, replicas int) jetstream.StreamConfig {
	c := bucketConfig(events.AnswersBucket, "answers that requests may go on from: who keeps them, and sealed what the hub keeps", replicas)
	c.AllowMsgTTL = true
	c.Discard = jetstream.DiscardOld
	c.MaxBytes = answersBytes
	if cfg.MaxBytes > 0 {
		c.MaxBytes = cfg.MaxBytes / answersShare
	}
	return c
}

// Answers is the bucket of answers that requests may go on from.
func (l *Log) Answers() Bucket { return l.answers }
