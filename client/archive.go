package client

import "time"

// Archive is where old parts of the log are kept, and how far.
type Archive struct {
	Location         string    `json:"location"`
	Segments         int       `json:"segments"`
	Begin            time.Time `json:"begin,omitzero"`      // log time of the first message archived
	End              time.Time `json:"end,omitzero"`        // log time of the last message archived
	Events           uint64    `json:"events"`              // archived
	Bytes            int64     `json:"bytes"`               // before compression
	Stored           int64     `json:"stored"`              // after it
	Last             uint64    `json:"last"`                // sequence of the log
	ArchivedTo       uint64    `json:"archived_to"`         // sequence up to which all is archived
	TrimmedTo        uint64    `json:"trimmed_to"`          // sequence up to which nothing is in the stream any more
	Behind           uint64    `json:"behind"`              // messages that are not archived
	RetentionSeconds int64     `json:"retention_seconds"`   // how long messages stay in the stream; 0: for ever
	HeldBack         string    `json:"held_back,omitempty"` // why no more is trimmed, as of the last run here
	Error            string    `json:"error,omitempty"`     // of the last run here
	LastRun          time.Time `json:"last_run,omitzero"`   // here; absent: another node archives, or none has yet
}

// ArchiveQuery says which archive is meant.
type ArchiveQuery struct {
	Location string `query:"location" doc:"Fail if the archive is not there. Default: whichever it is."`
}
