package query

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// Bounds of a page of requests.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// RequestFilter says which requests are meant: those that have ended, and refusals.
type RequestFilter struct {
	Filter
	MinTotal     time.Duration // from admission to the end
	MinFirstByte time.Duration
	MinCost      int64 // nano-USD of all its usage
}

// plain tells whether the dimensions alone decide, as the roll-up needs.
func (f RequestFilter) plain() bool { return f.MinTotal == 0 && f.MinFirstByte == 0 && f.MinCost == 0 }

func (f RequestFilter) check() (*time.Location, error) {
	if f.MinTotal < 0 || f.MinFirstByte < 0 || f.MinCost < 0 {
		return nil, &InvalidError{"min_total_ms", "min_total_ms, min_first_byte_ms and min_cost_nano_usd must not be negative"}
	}
	return f.Filter.check(AllDimensions())
}

// clause is the filter in words for the table requests.
func (f RequestFilter) clause() clause {
	c := f.Filter.clause()
	if f.MinTotal > 0 {
		c.and("total_ns >= {min_total:Int64}")
		c.params["min_total"] = f.MinTotal.Nanoseconds()
	}
	if f.MinFirstByte > 0 {
		c.and("first_byte_ns >= {min_first_byte:Int64}")
		c.params["min_first_byte"] = f.MinFirstByte.Nanoseconds()
	}
	if f.MinCost > 0 {
		window := Filter{Scope: f.Scope, From: f.From, To: f.To, Where: map[Dimension][]string{}}
		if tenants := f.Where[Tenant]; len(tenants) > 0 {
			window.Where[Tenant] = tenants
		}
		within := window.clause()
		c.and("request IN (SELECT request FROM {db:Identifier}.usage WHERE " + within.where() +
			" GROUP BY request HAVING sum(ifNull(cost_nano_usd, 0)) >= {min_cost:Int64})")
		c.params["min_cost"] = f.MinCost
	}
	return c
}

// Cursor is the place of a request in the order of pages: newest first.
type Cursor struct {
	WindowAt int64  `json:"w"` // Unix nanoseconds
	Seq      uint64 `json:"s"`
	Index    uint16 `json:"i"`
}

// String is the cursor for the next page's question.
func (c Cursor) String() string {
	b, _ := json.Marshal(c) // numbers always encode
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor is the inverse of [Cursor.String].
func ParseCursor(s string) (Cursor, error) {
	var c Cursor
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || json.Unmarshal(b, &c) != nil || c.Seq == 0 {
		return Cursor{}, &InvalidError{"cursor", fmt.Sprintf("%q was not given by an earlier page", s)}
	}
	return c, nil
}

// Page asks for some requests, newest first.
type Page struct {
	RequestFilter
	After Cursor // the last of the page before; zero: from the newest on
	Limit int    // 1 to [MaxPage]; 0 is [DefaultPage]
}

// RequestList is a page of requests.
type RequestList struct {
	Rows []Request `json:"rows"`
	Next string    `json:"next,omitempty"` // cursor of the next page; empty: this is the last
	AsOf AsOf      `json:"as_of"`
}

// Request is one request that has ended, or a refusal.
type Request struct {
	ID        string           `json:"id"`
	WindowAt  time.Time        `json:"admitted_at"`
	EndedAt   time.Time        `json:"ended_at"`
	Tenant    string           `json:"tenant"`
	Principal events.Principal `json:"principal"`
	Node      string           `json:"node"`
	Endpoint  string           `json:"endpoint"`
	Stream    bool             `json:"stream"`
	Outcome   string           `json:"outcome"`
	Status    uint16           `json:"status"` // HTTP status given to the client, 0 if none was sent
	Error     string           `json:"error,omitempty"`
	Reason    string           `json:"reason,omitempty"` // of a refusal or an orphan
	Limit     string           `json:"limit,omitempty"`  // that refused it: scope, what and per what
	Target    events.Target    `json:"target"`           // the last one tried
	Attempts  uint16           `json:"attempts"`
	Finish    string           `json:"finish,omitempty"`
	FirstByte int64            `json:"first_byte_ns"` // 0 if there was none
	Total     int64            `json:"total_ns"`
	Count     uint32           `json:"count"` // requests the row stands for: more than 1 for refusals counted together
	Seq       uint64           `json:"seq"`   // of its end in the log
	Amounts   Amounts          `json:"amounts"`

	index uint16
}

// cursor is the request's place.
func (r Request) cursor() Cursor { return Cursor{r.WindowAt.UnixNano(), r.Seq, r.index} }

// Requests answers a page. What each request has used is added up from the ledger,
// so it is the sum that usage tells, late corrections included.
func (e *Engine) Requests(ctx context.Context, p Page) (RequestList, error) {
	if _, err := p.check(); err != nil {
		return RequestList{}, err
	}
	if p.Limit == 0 {
		p.Limit = DefaultPage
	}
	if p.Limit < 0 || p.Limit > MaxPage {
		return RequestList{}, &InvalidError{"limit", fmt.Sprintf("is %d, not 1 to %d", p.Limit, MaxPage)}
	}
	var list RequestList
	var err error
	list.AsOf, err = e.live(ctx, func(v *view) error {
		p := p
		p.Filter = v.paged(p.Filter)
		if list.Rows, err = e.page(ctx, v.database, p); err != nil {
			return err
		}
		return e.addAmounts(ctx, v.database, list.Rows)
	})
	if err != nil {
		return RequestList{}, fmt.Errorf("requests: %w", err)
	}
	if len(list.Rows) == p.Limit {
		list.Next = list.Rows[p.Limit-1].cursor().String()
	}
	return list, nil
}

// requestColumns are those of [scanRequest], in its order.
func requestColumns() string {
	return strings.Join([]string{
		"seq", "idx", "request", "at", "window_at", "toString(tenant)", "toString(team)", "toString(user)", "toString(key)", "toString(model)", "toString(tags)", "toString(node)",
		"toString(endpoint)", "stream", "toString(outcome)", "status", "toString(error)", "toString(reason)", "toString(limit_name)",
		"toString(provider)", "toString(credential)", "toString(upstream_model)", "attempts", "toString(finish)",
		"first_byte_ns", "total_ns", "count",
	}, ", ")
}

func scanRequest(scan func(...any) error) (Request, error) {
	var r Request
	err := scan(&r.Seq, &r.index, &r.ID, &r.EndedAt, &r.WindowAt, &r.Tenant, &r.Principal.Team, &r.Principal.User, &r.Principal.Key, &r.Principal.Model, &r.Principal.Tags, &r.Node,
		&r.Endpoint, &r.Stream, &r.Outcome, &r.Status, &r.Error, &r.Reason, &r.Limit,
		&r.Target.Provider, &r.Target.Credential, &r.Target.Model, &r.Attempts, &r.Finish,
		&r.FirstByte, &r.Total, &r.Count)
	return r, err
}

// How much of the time a page looks at: the newest hour first, then four times as much
// before it, and so on, so that it reads little more than it shows.
const (
	firstLook = time.Hour
	lookMore  = 4
)

func (e *Engine) page(ctx context.Context, database string, p Page) ([]Request, error) {
	rows := []Request{}
	if at := time.Unix(0, p.After.WindowAt+1); p.After.Seq > 0 && at.Before(p.To) {
		p.To = at
	}
	begin := p.From
	for look := firstLook; p.To.After(begin) && len(rows) < p.Limit; look *= lookMore {
		part := p
		if part.From = p.To.Add(-look); part.From.Before(begin) {
			part.From = begin
		}
		part.Limit -= len(rows)
		more, err := e.pageIn(ctx, database, part)
		if err != nil {
			return nil, err
		}
		rows, p.To = append(rows, more...), part.From
	}
	return rows, nil
}

// pageIn reads a page from all of its time at once.
func (e *Engine) pageIn(ctx context.Context, database string, p Page) ([]Request, error) {
	c := p.clause()
	if p.After.Seq > 0 {
		c.and("(window_at, seq, idx) < (fromUnixTimestamp64Nano({after_at:Int64}, 'UTC'), {after_seq:UInt64}, {after_idx:UInt16})")
		c.and("window_at <= fromUnixTimestamp64Nano({after_at:Int64}, 'UTC')") // what the sorting key understands
		c.params["after_at"], c.params["after_seq"], c.params["after_idx"] = p.After.WindowAt, p.After.Seq, p.After.Index
	}
	s := statement{params: c.params, sql: fmt.Sprintf("SELECT %s FROM {db:Identifier}.requests WHERE %s ORDER BY window_at DESC, seq DESC, idx DESC LIMIT %d",
		requestColumns(), c.where(), p.Limit)}
	var rows []Request
	err := e.run(ctx, database, s, func(scan func(...any) error) error {
		r, err := scanRequest(scan)
		rows = append(rows, r)
		return err
	})
	return rows, err
}

// addAmounts adds up the ledger of some requests.
func (e *Engine) addAmounts(ctx context.Context, database string, rows []Request) error {
	if len(rows) == 0 {
		return nil
	}
	byID, byTenant := map[string]bool{}, map[string]bool{}
	first, last := rows[0].WindowAt, rows[0].WindowAt
	for _, r := range rows {
		byID[r.ID], byTenant[r.Tenant] = true, true
		if r.WindowAt.Before(first) {
			first = r.WindowAt
		}
		if r.WindowAt.After(last) {
			last = r.WindowAt
		}
	}
	f := Filter{Scope: Everyone(), From: first, To: last.Add(1), Where: map[Dimension][]string{Tenant: slices.Sorted(maps.Keys(byTenant))}}
	c := f.clause()
	c.and("request IN {ids:Array(String)}")
	c.params["ids"] = slices.Sorted(maps.Keys(byID))
	s := statement{params: c.params, sql: "SELECT request, " + strings.Join(sums(usageRollUp().lifted), ", ") +
		" FROM {db:Identifier}.usage WHERE " + c.where() + " GROUP BY request"}
	used := map[string]accounting.Totals{}
	err := e.run(ctx, database, s, func(scan func(...any) error) error {
		var id string
		var t accounting.Totals
		err := scan(append([]any{&id}, places(&t)...)...)
		used[id] = t
		return err
	})
	for i := range rows {
		rows[i].Amounts = AmountsOf(used[rows[i].ID])
		rows[i].WindowAt, rows[i].EndedAt = rows[i].WindowAt.UTC(), rows[i].EndedAt.UTC()
	}
	return err
}
