package embedded

import "time"

// boot is what the parent tells the child: one line of JSON on standard input, which then stays open for as long as the
// child shall live.
type boot struct {
	Library     string        `json:"library"`
	DataDir     string        `json:"data_dir"`
	User        string        `json:"user"`
	Password    string        `json:"password"`
	Database    string        `json:"database"`
	MaxMemory   int64         `json:"max_memory"`
	Concurrency int           `json:"concurrency"`
	QueueWait   time.Duration `json:"queue_wait"`
	MaxBody     int64         `json:"max_body"`
	NoFsync     bool          `json:"no_fsync"`
}

// report is the child's answer: one line of JSON on standard output, when it serves or when it cannot.
type report struct {
	Version string  `json:"version,omitempty"` // of the engine
	Error   string  `json:"error,omitempty"`
	Cause   failure `json:"cause,omitempty"`
}

// failure names the reasons a parent can tell apart.
type failure string

const failureLocked failure = "locked"

// listenerFD is the child's number of the listening socket it is lent.
const listenerFD = 3
