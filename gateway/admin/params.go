package admin

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// params reads the parameters of a query. It remembers the first mistake; done
// tells it, or a parameter that nobody asked for.
type params struct {
	values url.Values
	known  map[string]struct{}
	err    error
}

func newParams(c echo.Context) *params {
	p := &params{known: map[string]struct{}{}}
	var err error
	if p.values, err = url.ParseQuery(c.Request().URL.RawQuery); err != nil {
		p.err = &gateway.Error{Kind: gateway.Invalid, Public: "The query cannot be read: " + err.Error() + ".", Cause: err}
	}
	return p
}

func (p *params) wrong(name, format string, args ...any) {
	if p.err == nil {
		p.err = &gateway.Error{Kind: gateway.Invalid, Param: name, Public: "Parameter " + name + ": " + fmt.Sprintf(format, args...) + "."}
	}
}

func (p *params) done() error {
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		if _, known := p.known[name]; !known {
			p.wrong(name, "is not known here; %s", knownAre(p.known))
		}
	}
	return p.err
}

func knownAre(names map[string]struct{}) string {
	if len(names) == 0 {
		return "there are none"
	}
	return "known are " + strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}

// text is a parameter, empty if it is not given.
func (p *params) text(name string) string {
	p.known[name] = struct{}{}
	given := p.values[name]
	if len(given) > 1 {
		p.wrong(name, "is given %d times", len(given))
	}
	if len(given) == 1 && given[0] == "" {
		p.wrong(name, "is empty")
	}
	if len(given) == 0 {
		return ""
	}
	return given[0]
}

// choice is one of the allowed words, the first if it is not given.
func (p *params) choice(name string, allowed ...string) string {
	s := p.text(name)
	if s == "" {
		return allowed[0]
	}
	if !slices.Contains(allowed, s) {
		p.wrong(name, "%q is not %s", s, strings.Join(allowed, " or "))
	}
	return s
}

// count is a whole number from 1 to most, other if it is not given.
func (p *params) count(name string, other, most int) int {
	s := p.text(name)
	if s == "" {
		return other
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		p.wrong(name, "%q is not a number from 1 to %d", s, most)
	}
	return n
}

// zone is a time zone by its IANA name, UTC if it is not given.
func (p *params) zone(name string) *time.Location {
	s := p.text(name)
	if s == "" {
		return time.UTC
	}
	loc, err := control.Zone(s)
	if err != nil {
		p.wrong(name, "%q is %s", s, err)
		return time.UTC
	}
	return loc
}

// moment is a time in RFC 3339, or a date: the start of that day in loc.
func (p *params) moment(name string, loc *time.Location) time.Time {
	s := p.text(name)
	if s == "" {
		return time.Time{}
	}
	t, ok := parseMoment(s, loc)
	if !ok {
		p.wrong(name, "%q is neither a date like 2026-11-01 nor a time like 2026-11-01T08:00:00Z", s)
	}
	return t
}

// firstYear is before anything was recorded; the zero time, which is earlier still,
// stands for a moment that is not given.
const firstYear = 1970

func parseMoment(s string, loc *time.Location) (time.Time, bool) {
	t, err := time.ParseInLocation(time.DateOnly, s, loc)
	if err != nil {
		t, err = time.Parse(time.RFC3339Nano, s)
	}
	return t, err == nil && t.Year() >= firstYear
}

// bound is a sequence of the log, or a moment.
func (p *params) bound(name string) Bound {
	s := p.text(name)
	if s == "" {
		return Bound{}
	}
	if seq, err := strconv.ParseUint(s, 10, 64); err == nil {
		if seq == 0 {
			p.wrong(name, "sequences start at 1")
		}
		return Bound{Seq: seq}
	}
	t, ok := parseMoment(s, time.UTC)
	if !ok {
		p.wrong(name, "%q is neither a sequence, a date nor a time like 2026-11-01T08:00:00Z", s)
	}
	return Bound{Time: t}
}
