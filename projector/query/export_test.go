package query

// Judge sets the state of a target in a span.
func Judge(h *HealthState) { h.judge() }
