package client

import "time"

// Stored says where the file of an export goes that is made in the background.
type Stored struct {
	Store string `query:"store" doc:"Location of the storage that gets the file: s3://bucket/prefix. Default: it is kept, and can be fetched."`
}

// UsageExportQuery asks for a file of usage, made in the background.
type UsageExportQuery struct {
	UsageFileQuery
	Stored
}

// RequestExportQuery asks for a file of requests, made in the background.
type RequestExportQuery struct {
	RequestFileQuery
	Stored
}

// CostExportQuery asks for a file of costs in the shape of FOCUS, made in the background.
type CostExportQuery struct {
	CostFileQuery
	Stored
}

// Export is a file that is made in the background.
type Export struct {
	ID      string    `json:"id"`
	By      string    `json:"by"`   // who ordered it
	What    string    `json:"what"` // usage, requests, focus
	Format  string    `json:"format"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"` // exclusive
	Name    string    `json:"name"`
	Store   string    `json:"store,omitempty"` // that gets the file; absent: it is kept
	State   string    `json:"state"`           // waiting, running, done, failed
	Parts   int       `json:"parts"`
	Ready   int       `json:"ready"`               // parts that are finished
	Rows    int64     `json:"rows"`                // in those
	Bytes   int64     `json:"bytes"`               // of those, and in the end of the file
	Kept    time.Time `json:"kept_since,omitzero"` // nothing of before is in what is ready, although it was asked for: settings.retention keeps no more
	Error   string    `json:"error,omitempty"`     // why it waits, or failed
	Created time.Time `json:"created_at"`
	Ended   time.Time `json:"ended_at,omitzero"` // absent: not yet
	Expires time.Time `json:"expires_at"`        // when it and its file are gone
}

// Exports are the exports that are there, the newest first.
type Exports struct {
	Rows []Export `json:"rows"`
}
