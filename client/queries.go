package client

// Traffic says which traffic a question is about. Lists have commas between their
// values; moments are dates or in RFC 3339.
type Traffic struct {
	From       string `query:"from" doc:"First moment: a date or a time in RFC 3339. Default: a day before to."`
	To         string `query:"to" doc:"First moment that is not in it. Default: now."`
	Zone       string `query:"time_zone" doc:"IANA name of the zone that days are counted in. Default UTC."`
	Tenant     string `query:"tenant" doc:"Only of these, with commas between."`
	Team       string `query:"team" doc:"Only of keys of these teams, with commas between."`
	User       string `query:"user" doc:"Only of these, with commas between."`
	Key        string `query:"key" doc:"Only of these, with commas between."`
	Model      string `query:"model" doc:"Only of these logical models, with commas between."`
	Provider   string `query:"provider" doc:"Only of these, with commas between."`
	Credential string `query:"credential" doc:"Only of these, with commas between."`
	Upstream   string `query:"upstream_model" doc:"Only of these vendor models, with commas between."`
	Tag        string `query:"tag" doc:"Only of keys with one of these tags, with commas between."`
}

// Only narrows questions about requests.
type Only struct {
	Endpoint     string `query:"endpoint" doc:"Only of these, with commas between."`
	Outcome      string `query:"outcome" doc:"Only of these, with commas between: completed, failed, cancelled, orphaned, rejected."`
	Status       string `query:"status" doc:"Only of these HTTP statuses, with commas between."`
	Error        string `query:"error" doc:"Only of these kinds, with commas between."`
	Reason       string `query:"reason" doc:"Only of these, with commas between."`
	Node         string `query:"node" doc:"Only of these, with commas between."`
	Finish       string `query:"finish" doc:"Only of these, with commas between."`
	MinTotal     int64  `query:"min_total_ms" doc:"Only what took at least so many milliseconds."`
	MinFirstByte int64  `query:"min_first_byte_ms" doc:"Only whose first byte came no earlier, in milliseconds."`
	MinCost      int64  `query:"min_cost_nano_usd" doc:"Only what cost at least so many nano-USD."`
}

// Compare is the period to compare with.
type Compare struct {
	CompareFrom string `query:"compare_from" doc:"First moment of the period to compare with."`
	CompareTo   string `query:"compare_to" doc:"First moment after that period. Default: as long as the question's."`
}

// UsageQuery asks for usage.
type UsageQuery struct {
	Traffic
	GroupBy string `query:"group_by" doc:"Dimensions with commas between: one span of time (quarter_hour, hour, day, week, month), tenant, team, user, key, model, provider, credential, upstream_model, tag."`
	Top     int    `query:"top" doc:"Keep only so many groups and add up the others."`
	RankBy  string `query:"rank_by" doc:"Of which these have the most." enum:"cost,requests,attempts,failures,tokens,input_tokens,output_tokens"`
	Compare
}

// UsageFileQuery asks for a file of usage.
type UsageFileQuery struct {
	Traffic
	GroupBy string `query:"group_by" doc:"Dimensions with commas between."`
	Top     int    `query:"top" doc:"Keep only so many groups and add up the others."`
	RankBy  string `query:"rank_by" doc:"Of which these have the most." enum:"cost,requests,attempts,failures,tokens,input_tokens,output_tokens"`
	FileFormat
}

// FileFormat is that of a file.
type FileFormat struct {
	Format string `query:"format" doc:"Default csv." enum:"csv,jsonl,parquet"`
}

// RequestFileQuery asks for a file of requests.
type RequestFileQuery struct {
	Traffic
	Only
	FileFormat
}

// CostFileQuery asks for a file of costs in the shape of FOCUS.
type CostFileQuery struct {
	Traffic
	FileFormat
}

// RequestQuery narrows a question about requests.
type RequestQuery struct {
	Traffic
	Only
}

// RequestsQuery asks for a page of requests.
type RequestsQuery struct {
	Traffic
	Only
	Cursor string `query:"cursor" doc:"Next of the page before."`
	Limit  int    `query:"limit" doc:"At most so many, up to 1000."`
}

// TailQuery says which requests are told of as they end.
type TailQuery struct {
	Tenant     string `query:"tenant" doc:"Only of these, with commas between."`
	Team       string `query:"team" doc:"Only of keys of these teams, with commas between."`
	User       string `query:"user" doc:"Only of these, with commas between."`
	Key        string `query:"key" doc:"Only of these, with commas between."`
	Model      string `query:"model" doc:"Only of these logical models, with commas between."`
	Provider   string `query:"provider" doc:"Only of these, with commas between."`
	Credential string `query:"credential" doc:"Only of these, with commas between."`
	Upstream   string `query:"upstream_model" doc:"Only of these vendor models, with commas between."`
	Tag        string `query:"tag" doc:"Only of keys with one of these tags, with commas between."`
	Only
	After string `query:"after" doc:"Id of the last row that is known, to go on from. Default: now."`
}

// HistogramQuery asks how many requests there were over time.
type HistogramQuery struct {
	Traffic
	Only
	SpanOf
}

// SpanOf is the span of time that is one row.
type SpanOf struct {
	Span string `query:"span" doc:"Default hour." enum:"hour,quarter_hour,day,week,month"`
}

// LatencyQuery asks how long requests took.
type LatencyQuery struct {
	Traffic
	Only
	GroupBy string `query:"group_by" doc:"Dimensions with commas between, those of requests as well."`
}

// HealthQuery asks how targets did over time.
type HealthQuery struct {
	Traffic
	SpanOf
}

// MoversQuery asks what changed most.
type MoversQuery struct {
	Traffic
	By     string `query:"by" doc:"Default model." enum:"model,tenant,team,user,key,provider,credential,upstream_model,tag"`
	Metric string `query:"metric" doc:"Default cost." enum:"cost,requests,attempts,failures,tokens,input_tokens,output_tokens"`
	Limit  int    `query:"limit" doc:"At most so many, up to 100."`
	Compare
}

// EventsQuery asks for events of the log. Both ends are in the range.
type EventsQuery struct {
	From        string `query:"from" doc:"First sequence or moment. Default: the start of the log."`
	To          string `query:"to" doc:"Last sequence or moment. Default: the end of the log."`
	Tenant      string `query:"tenant" doc:"Only of this one."`
	Request     string `query:"request" doc:"Only of this one."`
	Kind        string `query:"kind" doc:"Only of this kind."`
	DeadLetters bool   `query:"dead_letters" doc:"What could not be applied, in place of events."`
}

// AuditQuery asks for changes of the configuration.
type AuditQuery struct {
	Sort   string `query:"sort" doc:"Only of this sort, like key."`
	Tenant string `query:"tenant" doc:"Only of this one."`
	ID     string `query:"id" doc:"Only of the object with this id."`
	Actor  string `query:"actor" doc:"Only by this one."`
	Cause  string `query:"cause" doc:"Only by this way, like apply."`
	From   string `query:"from" doc:"First moment."`
	To     string `query:"to" doc:"First moment that is not in it."`
	Before string `query:"before" doc:"Next of the page before."`
	Limit  int    `query:"limit" doc:"At most so many, up to 1000. Default 100."`
}

// AuditCountsQuery counts changes of the configuration.
type AuditCountsQuery struct {
	From    string `query:"from" doc:"First moment: a date or a time in RFC 3339. Default: a day before to."`
	To      string `query:"to" doc:"First moment that is not in it. Default: now."`
	Zone    string `query:"time_zone" doc:"IANA name of the zone that days are counted in. Default UTC."`
	GroupBy string `query:"group_by" doc:"Dimensions with commas between: one span of time (quarter_hour, hour, day, week, month), tenant, sort, object, verb, actor, cause, origin."`
	Tenant  string `query:"tenant" doc:"Only of these, with commas between."`
	Sort    string `query:"sort" doc:"Only of these sorts, with commas between."`
	Object  string `query:"object" doc:"Only of objects with these ids, with commas between."`
	Verb    string `query:"verb" doc:"Only these, with commas between: made, set, removed."`
	Actor   string `query:"actor" doc:"Only by these, with commas between."`
	Cause   string `query:"cause" doc:"Only by these ways, with commas between."`
	Origin  string `query:"origin" doc:"Only of objects kept up by these, with commas between."`
}

// KnownQuery names a message of the control stream that must be there.
type KnownQuery struct {
	Known string `query:"known" doc:"SEQ:HASH, as an earlier check told it."`
	Key   string `query:"key" doc:"The public key that alone may have signed, in base64."`
}

// BudgetsQuery asks how limits stand, or stood.
type BudgetsQuery struct {
	Tenant string `query:"tenant" doc:"Only of this one."`
	AtQuery
	Progress bool `query:"progress" doc:"With at: tell of the fold as a job, in lines."`
}

// RepricedQuery asks what other prices would have billed.
type RepricedQuery struct {
	Traffic
	PricesAt string `query:"prices_at" doc:"By the prices that were in force at this moment. Default: now."`
}

// SimulateQuery says which recorded requests are run through a draft.
type SimulateQuery struct {
	From   string `query:"from" doc:"First moment of admission. Default: a day before to."`
	To     string `query:"to" doc:"First moment that is not in it. Default: now."`
	Tenant string `query:"tenant" doc:"Only of this one."`
	Each   bool   `query:"each" doc:"Tell what became of each request, too."`
}

// UnpricedQuery says of which traffic prices are booked.
type UnpricedQuery struct {
	Traffic
	DryRun bool `query:"dry_run" doc:"Only tell what would be booked."`
}

// RebuildQuery says what is folded anew.
type RebuildQuery struct {
	What string `query:"what" doc:"Default all." enum:"all,counters,tables"`
}

// DeadLettersQuery says which dead letters are applied again, by their sequences.
type DeadLettersQuery struct {
	From uint64 `query:"from" doc:"The first one. Default: the first there is."`
	To   uint64 `query:"to" doc:"The last one. Default: the last there is."`
}

// ApplyQuery says how a configuration is put in force.
type ApplyQuery struct {
	DryRun bool `query:"dry_run" doc:"Only tell what would change."`
	Prune  bool `query:"prune" doc:"Remove what the configuration has not."`
}

// RollQuery says how a secret is replaced.
type RollQuery struct {
	Overlap string `query:"overlap" doc:"How long the old secret goes on working, like 24h. Default: not at all."`
}

// HistoryQuery asks for a page of an object's versions.
type HistoryQuery struct {
	Before string `query:"before" doc:"Next of the page before."`
	Limit  int    `query:"limit" doc:"At most so many, up to 1000. Default 100."`
}
