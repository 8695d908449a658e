package accounting

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strconv"

	"github.com/llm-hub/llm-hub/events"
)

// maxShares bounds the shares of a counter: those of the latest epochs are kept.
const maxShares = 24

// Spent is the part of [Totals] that limits count.
type Spent struct {
	Requests int64
	Attempts int64
	Input    int64 // tokens
	Output   int64 // tokens
	Cost     int64 // nano-USD
}

// Spent is what of t limits count.
func (t Totals) Spent() Spent {
	return Spent{t.Requests, t.Attempts, t.Usage.InputTotal(), t.Usage.OutputTotal(), t.Cost}
}

// Plus adds two amounts.
func (s Spent) Plus(o Spent) Spent {
	return Spent{s.Requests + o.Requests, s.Attempts + o.Attempts, s.Input + o.Input, s.Output + o.Output, s.Cost + o.Cost}
}

// Minus subtracts o.
func (s Spent) Minus(o Spent) Spent {
	return Spent{s.Requests - o.Requests, s.Attempts - o.Attempts, s.Input - o.Input, s.Output - o.Output, s.Cost - o.Cost}
}

// sharedSpans are the spans that shares are kept for, from the shortest. What was
// spent in a minute is over sooner than the epoch that spent it.
var sharedSpans = [...]Per{Hour, Day, Week, Month, Life} //nolint:gochecknoglobals // a constant table

// firstShared is the place of the first of sharedSpans in kept.
const firstShared = 1

// Share is what one epoch has spent of a counter: in the latest window that the
// counter has of each span, and for life. In JSON it is an array: the epoch, then
// for each span from the hour on `[requests,attempts,input,output,cost]`, what was
// spent beyond the span before, 0 for nothing; nothings at the end are left out.
type Share struct {
	Epoch events.Epoch
	spent [len(sharedSpans)]Spent
}

// Shares are in the order of their epochs.
type Shares []Share

// Share is what an epoch has spent in w. It is not known if the epoch may have been
// forgotten, or w is a minute or a window older than the counter's latest.
func (c *Counter) Share(e events.Epoch, w Window) (spent Spent, known bool) {
	i := slices.Index(sharedSpans[:], w.Per)
	if i < 0 {
		return Spent{}, false
	}
	latest := c.latest(w.Per)
	if w.Per == Life {
		w.Label = latest
	}
	at, found := slices.BinarySearchFunc(c.Shares, e, Share.compare)
	switch {
	case !found:
		return Spent{}, e > c.Forgotten && latest <= w.Label
	case latest == w.Label:
		return c.Shares[at].spent[i], true
	default:
		return Spent{}, latest < w.Label
	}
}

func (s Share) compare(e events.Epoch) int { return cmp.Compare(s.Epoch, e) }

// latest is the label of the counter's latest window of a span, empty if it has
// none, as for life.
func (c *Counter) latest(per Per) string {
	if per == Life {
		return ""
	}
	if lo, hi := c.span(per); lo < hi {
		return c.Windows[hi-1].Label
	}
	return ""
}

// share books t, in the windows of which current tells whether they are the
// counter's latest, as the spending of an epoch.
func (c *Counter) share(e events.Epoch, current [len(sharedSpans)]bool, t Totals) {
	s := c.shareOf(e)
	if s == nil {
		return
	}
	spent := t.Spent()
	for i := range s.spent {
		if current[i] {
			s.spent[i] = s.spent[i].Plus(spent)
		}
	}
}

// shareOf finds the share of an epoch, or begins it and forgets the lowest when
// there are too many. It is nil for an epoch that was forgotten.
func (c *Counter) shareOf(e events.Epoch) *Share {
	i := len(c.Shares)
	for i > 0 && c.Shares[i-1].Epoch > e {
		i--
	}
	if i > 0 && c.Shares[i-1].Epoch == e {
		return &c.Shares[i-1]
	}
	if e <= c.Forgotten {
		return nil
	}
	if len(c.Shares) < maxShares {
		c.Shares = slices.Insert(c.Shares, i, Share{Epoch: e})
		return &c.Shares[i]
	}
	if i == 0 {
		c.Forgotten = e
		return nil
	}
	c.Forgotten = c.Shares[0].Epoch
	copy(c.Shares, c.Shares[1:i])
	c.Shares[i-1] = Share{Epoch: e}
	return &c.Shares[i-1]
}

// begin empties the shares in a span of which a new window has become the latest.
func (c *Counter) begin(span int) {
	for i := range c.Shares {
		c.Shares[i].spent[span] = Spent{}
	}
}

// MarshalJSON writes shares as the bucket holds them, see [Share].
func (s Shares) MarshalJSON() ([]byte, error) {
	const typical = 100 // bytes a share
	b := append(make([]byte, 0, 2+typical*len(s)), '[')
	for i := range s {
		if i > 0 {
			b = append(b, ',')
		}
		b = s[i].append(b)
	}
	return append(b, ']'), nil
}

func (s *Share) append(b []byte) []byte {
	b = appendQuoted(append(b, '['), string(s.Epoch))
	var before Spent
	nothings := 0
	for _, spent := range s.spent {
		more := spent.Minus(before)
		if before = spent; more == (Spent{}) {
			nothings++
			continue
		}
		for ; nothings > 0; nothings-- {
			b = append(b, ',', '0')
		}
		b = more.append(append(b, ','))
	}
	return append(b, ']')
}

func (s Spent) append(b []byte) []byte {
	b = strconv.AppendInt(append(b, '['), s.Requests, 10)
	b = strconv.AppendInt(append(b, ','), s.Attempts, 10)
	b = strconv.AppendInt(append(b, ','), s.Input, 10)
	b = strconv.AppendInt(append(b, ','), s.Output, 10)
	b = strconv.AppendInt(append(b, ','), s.Cost, 10)
	return append(b, ']')
}

func appendQuoted(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			q, _ := json.Marshal(s) // a string always encodes
			return append(b, q...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Shares) UnmarshalJSON(raw []byte) error {
	r := &reader{b: raw, ok: true}
	out := make(Shares, 0, maxShares)
	r.array(func() {
		out = append(out, Share{})
		out[len(out)-1].read(r)
	})
	if !r.ok || len(r.b) > 0 || !slices.IsSortedFunc(out, func(a, b Share) int { return a.compare(b.Epoch) }) {
		return errors.New("shares: not as a counter writes them")
	}
	*s = out
	return nil
}

func (s *Share) read(r *reader) {
	r.must('[')
	s.Epoch = events.Epoch(r.quoted())
	var sum Spent
	for i := range s.spent {
		if r.is(',') && !r.is('0') {
			sum = sum.Plus(readSpent(r))
		}
		s.spent[i] = sum
	}
	r.must(']')
}

func readSpent(r *reader) (s Spent) {
	for i, n := range [...]*int64{&s.Requests, &s.Attempts, &s.Input, &s.Output, &s.Cost} {
		if i == 0 {
			r.must('[')
		} else {
			r.must(',')
		}
		*n = r.int64()
	}
	r.must(']')
	return s
}
