package query

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Scope says whose facts an asker may see. The zero Scope sees nothing.
type Scope struct {
	everyone bool
	tenants  []string
	user     string // of the tenants; empty: all
}

// Everyone sees the facts of all tenants.
func Everyone() Scope { return Scope{everyone: true} }

// Of sees the facts of some tenants.
func Of(tenants ...events.TenantID) Scope {
	var s Scope
	for _, t := range tenants {
		s.tenants = append(s.tenants, string(t))
	}
	return s
}

// Only narrows the scope to the facts of one user; ids of users are unique in a tenant.
func (s Scope) Only(user string) Scope {
	s.user = user
	return s
}

// maxValues bounds the values of one dimension in a filter.
const maxValues = 1000

// What the tables can hold, see tables.Instant.
const (
	firstYear = 1970
	lastYear  = 2105
)

// Filter says which facts a question is about.
type Filter struct {
	Scope    Scope
	From, To time.Time              // admission time, To exclusive
	Zone     string                 // IANA name of the time zone that spans are counted in; empty is UTC
	Where    map[Dimension][]string // only facts whose value is one of these; not by a span
}

// check refuses what cannot be asked of a table with some dimensions, and finds
// the time zone.
func (f Filter) check(known []Dimension) (*time.Location, error) {
	if f.From.IsZero() {
		return nil, &InvalidError{"from", "is missing"}
	}
	if !f.To.After(f.From) {
		return nil, &InvalidError{"to", "must be after from"}
	}
	const years = "must be in the years %d to %d"
	if f.From.Year() < firstYear {
		return nil, &InvalidError{"from", fmt.Sprintf(years, firstYear, lastYear)}
	}
	if f.To.Year() > lastYear {
		return nil, &InvalidError{"to", fmt.Sprintf(years, firstYear, lastYear)}
	}
	zone, err := time.LoadLocation(f.Zone)
	if err != nil || f.Zone == "Local" {
		return nil, &InvalidError{"time_zone", fmt.Sprintf("%q is not the name of a time zone", f.Zone)}
	}
	for d, values := range f.Where {
		if !slices.Contains(known, d) {
			return nil, &InvalidError{string(d), "cannot be filtered by"}
		}
		if len(values) == 0 || len(values) > maxValues {
			return nil, &InvalidError{string(d), fmt.Sprintf("has %d values, not 1 to %d", len(values), maxValues)}
		}
	}
	return zone, nil
}

// clause is a condition and the values bound in it.
type clause struct {
	text   []string
	params map[string]any
}

func (c *clause) and(text string) { c.text = append(c.text, text) }

func (c *clause) where() string { return strings.Join(c.text, " AND ") }

// clause is the filter in words for the rows of a table.
func (f Filter) clause() clause {
	c := f.conditions()
	c.params["from"], c.params["to"] = f.From.UnixNano(), f.To.UnixNano()
	c.and(moments("from", "to"))
	return c
}

// moments is the condition that window_at is in a span, whose bounds are two
// parameters in Unix nanoseconds.
func moments(from, to string) string {
	return "window_at >= fromUnixTimestamp64Nano({" + from + ":Int64}, 'UTC') AND window_at < fromUnixTimestamp64Nano({" + to + ":Int64}, 'UTC')"
}

// scopeParam is the parameter that holds the tenants of a scope.
const scopeParam = "scope"

// conditions are those of the filter that are not about time.
func (f Filter) conditions() clause {
	c := clause{params: map[string]any{}}
	f.scoped(&c)
	if f.Scope.user != "" {
		c.and("user = {scope_user:String}")
		c.params["scope_user"] = f.Scope.user
	}
	for _, d := range AllDimensions() { // in this order, so that equal questions are equal statements
		if values := f.Where[d]; len(values) > 0 {
			c.and(d.is("in_" + string(d)))
			c.params["in_"+string(d)] = values
		}
	}
	return c
}

// scoped adds which tenants' facts the filter sees.
func (f Filter) scoped(c *clause) {
	if !f.Scope.everyone {
		c.and("tenant IN {scope:Array(String)}")
		c.params[scopeParam] = append([]string{}, f.Scope.tenants...)
	}
}
