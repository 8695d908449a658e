package control

// Retention says for how many whole months of UTC before the running one the analytics
// tables keep their rows; 0 is for ever.
type Retention struct {
	Usage, Requests, Attempts int
	RollUps                   int // of usage and of requests
}

func (r *retentionDoc) build() Retention {
	return Retention{
		Usage: int(valueOr(r.UsageMonths, 0)), Requests: int(valueOr(r.RequestsMonths, 0)),
		Attempts: int(valueOr(r.AttemptsMonths, 0)), RollUps: int(valueOr(r.RollupsMonths, 0)),
	}
}
