package query

import (
	"fmt"
	"slices"
)

// Dimension is what facts can be grouped by and filtered on.
type Dimension string

// The spans of the calendar, in the question's time zone. A question has at most
// one. Weeks begin on Monday.
const (
	Quarter Dimension = "quarter_hour"
	Hour    Dimension = "hour"
	Day     Dimension = "day"
	Week    Dimension = "week"
	Month   Dimension = "month"
)

// The dimensions of usage and requests.
const (
	Tenant        Dimension = "tenant"
	Team          Dimension = "team" // of the key at the admission: at most one
	User          Dimension = "user"
	Key           Dimension = "key"
	Model         Dimension = "model" // logical
	Provider      Dimension = "provider"
	Credential    Dimension = "credential"
	UpstreamModel Dimension = "upstream_model"
	// Tag is of the key. A key may have several: a fact is in the group of each of them,
	// so groups overlap. Totals never add them up.
	Tag Dimension = "tag"
)

// The dimensions of requests only.
const (
	Endpoint Dimension = "endpoint"
	Outcome  Dimension = "outcome"
	Status   Dimension = "status"
	Error    Dimension = "error"
	Reason   Dimension = "reason" // of a refusal or an orphan
	Node     Dimension = "node"
	Finish   Dimension = "finish"
)

// Spans lists the spans of the calendar.
func Spans() []Dimension { return []Dimension{Quarter, Hour, Day, Week, Month} }

// UsageDimensions lists what usage can be filtered on.
func UsageDimensions() []Dimension {
	return []Dimension{Tenant, Team, User, Key, Model, Provider, Credential, UpstreamModel, Tag}
}

// AllDimensions lists what requests can be filtered on.
func AllDimensions() []Dimension {
	return append(UsageDimensions(), Endpoint, Outcome, Status, Error, Reason, Node, Finish)
}

// singleDimensions lists those of which every request has one value.
func singleDimensions() []Dimension {
	return slices.DeleteFunc(AllDimensions(), func(d Dimension) bool { return d == Tag })
}

// Span tells whether d is a span of the calendar.
func (d Dimension) Span() bool { return slices.Contains(Spans(), d) }

// column is the expression of a dimension that is not a span, a string. Of tags it
// is all of them together, so that each fact is in one group of the tables.
func (d Dimension) column() string {
	if d == Status {
		return "toString(status)"
	}
	return d.name()
}

// name is the column that holds a dimension.
func (d Dimension) name() string {
	if d == Tag {
		return "tags"
	}
	return string(d)
}

// is is the condition that a dimension has one of the values that are bound to a
// parameter.
func (d Dimension) is(param string) string {
	if d == Tag {
		return "hasAny(" + eachTag + ", {" + param + ":Array(String)})"
	}
	return fmt.Sprintf("%s IN {%s:Array(String)}", d.column(), param)
}

// eachTag is the list of a fact's tags: one that is empty where there is none.
const eachTag = "splitByChar(',', toString(tags))"

// start is the expression of the start of a span, as a Unix second, for a column of
// time. The time zone is the parameter zone.
func (d Dimension) start(at string) string {
	local := "toDateTime(" + at + ", {zone:String})"
	switch d {
	case Quarter:
		return "toInt64(toUnixTimestamp(toStartOfFifteenMinutes(" + local + ")))"
	case Hour:
		return "toInt64(toUnixTimestamp(toStartOfHour(" + local + ")))"
	case Day:
		return "toInt64(toUnixTimestamp(toStartOfDay(" + local + ")))"
	case Week:
		return "toInt64(toUnixTimestamp(toDateTime(toMonday(" + local + "), {zone:String})))"
	default:
		return "toInt64(toUnixTimestamp(toDateTime(toStartOfMonth(" + local + "), {zone:String})))"
	}
}
