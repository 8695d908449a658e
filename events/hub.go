package events

// HubCreated is the first event of the control stream. What it says can never
// be changed for this log.
type HubCreated struct {
	Partitions int    `json:"partitions"`
	Version    string `json:"version"` // of the software that made the log
}

// Kind implements [Body].
func (HubCreated) Kind() Kind { return HubCreatedKind }
