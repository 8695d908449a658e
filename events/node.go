package events

import "time"

// NodeStarted opens an epoch of a node and closes all its older ones. It is
// published to every partition, because order holds only inside one.
type NodeStarted struct {
	Epoch   Epoch  `json:"epoch"`
	Version string `json:"version"`
}

// NodeHeartbeat says that an epoch is alive.
type NodeHeartbeat struct {
	Epoch Epoch `json:"epoch"`
}

// NodeStopped is the last event of an epoch that ended in order.
type NodeStopped struct {
	Epoch Epoch `json:"epoch"`
}

// NodeLost closes an epoch whose node has been silent for too long. The fold's
// owner publishes it to the partition it concerns; from there on the epoch is over,
// whatever still comes of it.
type NodeLost struct {
	Node  NodeID    `json:"node"`
	Epoch Epoch     `json:"epoch"`
	Heard time.Time `json:"heard"` // its last message in the partition, by the log's clock
}

// Kind implements [Body].
func (NodeLost) Kind() Kind { return NodeLostKind }

// Kind implements [Body].
func (NodeStarted) Kind() Kind { return NodeStartedKind }

// Kind implements [Body].
func (NodeHeartbeat) Kind() Kind { return NodeHeartbeatKind }

// Kind implements [Body].
func (NodeStopped) Kind() Kind { return NodeStoppedKind }
