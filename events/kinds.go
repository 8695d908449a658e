package events

// Kind names what happened.
type Kind string

// Kinds of traffic: what became of a request, and of the nodes that serve it.
const (
	RequestAdmittedKind     Kind = "request.admitted"
	RequestRejectedKind     Kind = "request.rejected"
	AttemptFailedKind       Kind = "attempt.failed"
	UpstreamRateLimitedKind Kind = "upstream.rate_limited"
	RouteFallbackKind       Kind = "route.fallback"
	UsageCheckpointKind     Kind = "usage.checkpoint"
	UsageRecordedKind       Kind = "usage.recorded"
	RequestFinishedKind     Kind = "request.finished"
	RequestOrphanedKind     Kind = "request.orphaned"
	UsageCorrectedKind      Kind = "usage.corrected"
	NodeStartedKind         Kind = "node.started"
	NodeHeartbeatKind       Kind = "node.heartbeat"
	NodeStoppedKind         Kind = "node.stopped"
	NodeLostKind            Kind = "node.lost"
	DeadReappliedKind       Kind = "dead.reapplied"
)

// Kinds of the stream of alerts.
const (
	AlertRaisedKind Kind = "alert.raised"
)

// Kinds of control: changes of configuration.
const (
	// HubCreatedKind is the first event of the control stream.
	HubCreatedKind Kind = "hub.created"
)

// Kinds returns every kind this build knows, in the order of their life.
func Kinds() []Kind {
	return []Kind{
		RequestAdmittedKind, RequestRejectedKind, AttemptFailedKind, UpstreamRateLimitedKind, RouteFallbackKind,
		UsageCheckpointKind, UsageRecordedKind, RequestFinishedKind, RequestOrphanedKind, UsageCorrectedKind,
		NodeStartedKind, NodeHeartbeatKind, NodeStoppedKind, NodeLostKind, DeadReappliedKind,
		AlertRaisedKind, HubCreatedKind,
	}
}
