package projector

import "time"

// Retention says for how long the analytics tables keep their rows: so many whole
// months of UTC before the one that is running; 0 is for ever.
type Retention struct {
	Usage    int
	Requests int
	Attempts int
	RollUps  int // of usage and of requests
}

// Kept gives what is kept at an instant.
func (r Retention) Kept(now time.Time) Kept {
	year, month, _ := now.UTC().Date()
	from := func(months int) time.Time {
		if months == 0 {
			return time.Time{}
		}
		return time.Date(year, month-time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	}
	return Kept{Usage: from(r.Usage), Requests: from(r.Requests), Attempts: from(r.Attempts), RollUps: from(r.RollUps)}
}

// Kept says from when on each table has its rows: the horizon, at the start of a month
// of UTC, by the time of admission. The zero time is no horizon.
type Kept struct {
	Usage    time.Time `json:"usage,omitzero"`
	Requests time.Time `json:"requests,omitzero"`
	Attempts time.Time `json:"attempts,omitzero"`
	RollUps  time.Time `json:"rollups,omitzero"` // of usage and of requests
}

// Later keeps what both keep.
func (k Kept) Later(o Kept) Kept {
	return Kept{
		Usage: Later(k.Usage, o.Usage), Requests: Later(k.Requests, o.Requests),
		Attempts: Later(k.Attempts, o.Attempts), RollUps: Later(k.RollUps, o.RollUps),
	}
}

// Summed keeps what rows and roll-ups both have, so that the ones are the sum of the others.
func (k Kept) Summed() Kept {
	return k.Later(Kept{Usage: k.RollUps, Requests: k.RollUps})
}

// Later is the later of two instants.
func Later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
