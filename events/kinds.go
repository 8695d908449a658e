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
	// AuditSignedKind signs what is before it in the control stream.
	AuditSignedKind Kind = "audit.signed"
)

// Sort is what an object of the configuration is.
type Sort string

// The sorts of objects. Limits belong to what they limit, and members to their tenant;
// an account is who signs in, and an invite what makes or widens one.
const (
	SettingsSort   Sort = "settings" // of the whole hub; there is one
	PriceSort      Sort = "price"
	ProviderSort   Sort = "provider"
	CredentialSort Sort = "credential"
	ModelSort      Sort = "model" // a logical model
	TenantSort     Sort = "tenant"
	UserSort       Sort = "user"
	TeamSort       Sort = "team"  // users of a tenant, and its keys, that spend together
	KeySort        Sort = "key"   // a virtual key
	TokenSort      Sort = "token" // of an operator
	AccountSort    Sort = "account"
	InviteSort     Sort = "invite"
	CooldownSort   Sort = "cooldown" // of a credential, by an operator
)

// Sorts returns every sort, each after those it may refer to.
func Sorts() []Sort {
	return []Sort{SettingsSort, PriceSort, ProviderSort, CredentialSort, ModelSort, TenantSort, UserSort, TeamSort, KeySort, TokenSort, AccountSort, InviteSort, CooldownSort}
}

// Set is the kind that says how an object of the sort is from now on.
func (s Sort) Set() Kind { return Kind(s) + setSuffix }

// Removed is the kind that says that an object of the sort is no more.
func (s Sort) Removed() Kind { return Kind(s) + removedSuffix }

const (
	setSuffix     = ".set"
	removedSuffix = ".removed"
)

// TrafficKinds returns the kinds of traffic that this build knows, in the order of their life.
func TrafficKinds() []Kind {
	return []Kind{
		RequestAdmittedKind, RequestRejectedKind, AttemptFailedKind, UpstreamRateLimitedKind, RouteFallbackKind,
		UsageCheckpointKind, UsageRecordedKind, RequestFinishedKind, RequestOrphanedKind, UsageCorrectedKind,
		NodeStartedKind, NodeHeartbeatKind, NodeStoppedKind, NodeLostKind, DeadReappliedKind,
	}
}

// Kinds returns every kind this build knows, those of traffic first.
func Kinds() []Kind {
	kinds := append(TrafficKinds(), AlertRaisedKind, HubCreatedKind, AuditSignedKind)
	for _, s := range Sorts() {
		kinds = append(kinds, s.Set(), s.Removed())
	}
	return kinds
}
