package jobs

import (
	"encoding/json"
	"time"

	"github.com/llm-hub/llm-hub/projector/export"
)

// Lifetime is how long a job is kept after it was ordered.
const Lifetime = 7 * 24 * time.Hour

// State is how far a job is.
type State string

// The states.
const (
	Waiting State = "waiting" // for other jobs, or to be tried again: then there is an error
	Running State = "running"
	Done    State = "done"
	Failed  State = "failed" // the order cannot be carried out
)

// Order is what is to be exported.
type Order struct {
	What   string          `json:"what"` // usage, requests, focus
	Format export.Format   `json:"format"`
	From   time.Time       `json:"from"`
	To     time.Time       `json:"to"`              // exclusive
	Name   string          `json:"name"`            // of the file; in a storage it has a part of the job's id
	Store  string          `json:"store,omitempty"` // location of the storage that gets the file; empty: it is kept here
	Query  json.RawMessage `json:"query"`           // what [Config.Write] understands
}

// Job is an order and what became of it.
type Job struct {
	ID      string    `json:"id"`
	Owner   Owner     `json:"owner"`
	Order   Order     `json:"order"`
	State   State     `json:"state"`
	Parts   int       `json:"parts"`
	Ready   int       `json:"ready"`               // parts that are finished
	Rows    int64     `json:"rows"`                // in those
	Bytes   int64     `json:"bytes"`               // of those, and in the end of the file
	Kept    time.Time `json:"kept_since,omitzero"` // nothing of before is in those parts, although it was ordered
	Error   string    `json:"error,omitempty"`
	Created time.Time `json:"created_at"`
	Ended   time.Time `json:"ended_at,omitzero"`
	Expires time.Time `json:"expires_at"`
}

// Owner says whose facts a job holds.
type Owner struct {
	Everyone bool     `json:"everyone,omitempty"`
	Tenants  []string `json:"tenants,omitempty"`
	User     string   `json:"user,omitempty"` // of the tenants, whose traffic alone it is; empty: everybody's
	Actor    string   `json:"actor"`          // who ordered it
}

func (j *Job) over() bool { return j.State == Done || j.State == Failed }

// Part is the slice of time of one part.
type Part struct{ From, To time.Time }

// day is the slice of time that a part covers at most.
const day = 24 * time.Hour

// parts are the slices of an order, in the order of the rows in the file: of requests
// the newest first, each as long as [export.Requests] walks at once; of charges the
// days of UTC that they are grouped by. Usage is one answer, whose groups may span all
// of the time.
func (o *Order) parts() []Part {
	var out []Part
	switch o.What {
	case "requests":
		for to := o.To; to.After(o.From); to = to.Add(-day) {
			out = append(out, Part{later(to.Add(-day), o.From), to})
		}
	case "focus":
		for from := o.From; from.Before(o.To); {
			next := from.Truncate(day).Add(day)
			if next.After(o.To) {
				next = o.To
			}
			out = append(out, Part{from, next})
			from = next
		}
	default:
		out = []Part{{o.From, o.To}}
	}
	return out
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
