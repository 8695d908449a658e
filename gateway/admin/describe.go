package admin

import (
	"net/http"

	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// lineMedia is the type of long answers.
const lineMedia = "application/x-ndjson"

// described gives routes their descriptions. A route may also have its own, beside its
// handler.
func described(routes []web.Route) []web.Route {
	docs := descriptions()
	for i, r := range routes {
		if r.Doc.Summary == "" {
			routes[i].Doc = docs[r.Method+" "+r.Path]
		}
	}
	return routes
}

// descriptions are what routes say of themselves, by method and path.
func descriptions() map[string]web.Doc {
	docs := map[string]web.Doc{
		"GET /api/v1/usage":                 {Summary: "How much was used, by group.", Query: client.UsageQuery{}, Answer: client.Usage{}},
		"GET /api/v1/usage/movers":          {Summary: "What changed most since another period.", Query: client.MoversQuery{}, Answer: client.Movers{}},
		"GET /api/v1/usage/repriced":        {Summary: "What the prices in force would have billed, beside what was billed.", Query: client.RepricedQuery{}, Answer: client.Repriced{}},
		"POST /api/v1/usage/repriced":       {Summary: "What the prices of the configuration that is sent would have billed, beside what was billed.", Query: client.RepricedQuery{}, Body: client.Hub{}, Answer: client.Repriced{}},
		"GET /api/v1/targets/summaries":     {Summary: "How targets did over 5 minutes, an hour and a day, by the log.", Answer: client.Summaries{}},
		"POST /api/v1/simulate":             {Summary: "Run recorded requests through the configuration that is sent. Nothing is changed.", Query: client.SimulateQuery{}, Body: client.Hub{}, Answer: client.JobLine{}, Media: lineMedia},
		"POST /api/v1/corrections/unpriced": {Summary: "Book the prices in force for what was recorded without one.", Query: client.UnpricedQuery{}, Answer: client.JobLine{}, Media: lineMedia},
		"GET /api/v1/requests":              {Summary: "A page of requests, the newest first.", Query: client.RequestsQuery{}, Answer: client.Requests{}},
		"GET /api/v1/requests/facets":       {Summary: "Which values requests have, and how many.", Query: client.RequestQuery{}, Answer: client.Facets{}},
		"GET /api/v1/requests/histogram":    {Summary: "How many requests there were over time.", Query: client.HistogramQuery{}, Answer: client.Histogram{}},
		"GET /api/v1/requests/stream":       {Summary: "Requests as they end, as server-sent events; Last-Event-ID goes on.", Query: client.TailQuery{}, Answer: "", Media: "text/event-stream"},
		"GET /api/v1/requests/:id":          {Summary: "Everything that the log holds about one request.", Answer: client.Story{}},
		"GET /api/v1/requests/:id/decision": {Summary: "Why a request went where it went, and the decision taken again.", Answer: client.Decision{}},
		"GET /api/v1/latency":               {Summary: "How long requests took.", Query: client.LatencyQuery{}, Answer: client.Latency{}},
		"GET /api/v1/errors":                {Summary: "What went wrong, and how often.", Query: client.Traffic{}, Answer: client.Errors{}},
		"GET /api/v1/targets/health":        {Summary: "How targets did over time.", Query: client.HealthQuery{}, Answer: client.Health{}},
		"GET /api/v1/budgets":               {Summary: "How all limits stand.", Query: client.BudgetsQuery{}, Answer: client.Budgets{}, Lines: client.JobLine{}},
		"GET /api/v1/export/usage":          {Summary: "A file of usage, by group.", Query: client.UsageFileQuery{}, Answer: "", Media: "*/*"},
		"GET /api/v1/export/requests":       {Summary: "A file of requests.", Query: client.RequestFileQuery{}, Answer: "", Media: "*/*"},
		"GET /api/v1/export/focus":          {Summary: "A file of costs in the shape of FOCUS.", Query: client.CostFileQuery{}, Answer: "", Media: "*/*"},
		"GET /api/v1/events":                {Summary: "Events of the log, or its dead letters.", Query: client.EventsQuery{}, Answer: client.LoggedEvent{}, Media: lineMedia},
		"POST /api/v1/corrections":          {Summary: "Correct the usage of an attempt.", Body: client.CorrectionOrder{}, Answer: client.Correction{}},
		"POST /api/v1/dead-letters/apply":   {Summary: "Apply dead letters again.", Query: client.DeadLettersQuery{}, Answer: client.JobLine{}, Media: lineMedia},
		"GET /api/v1/status":                {Summary: "How this installation stands; to people of a tenant, how far what they are shown is behind.", Answer: client.Status{}},
		"POST /api/v1/verify":               {Summary: "Compare the log with what was folded from it.", Answer: client.JobLine{}, Media: lineMedia},
		"POST /api/v1/rebuild":              {Summary: "Fold counters and tables anew from the log.", Query: client.RebuildQuery{}, Answer: client.JobLine{}, Media: lineMedia},
		"GET /api/v1/migrations":            {Summary: "Where the schema of the tables stands.", Answer: client.Schema{}},
		"POST /api/v1/migrations":           {Summary: "Bring the schema of the tables up to date.", Answer: client.Schema{}},
		"POST /api/v1/master-key/rewrap":    {Summary: "Wrap every data key by the master key that is first now.", Answer: client.Rewrapped{}},
		"GET /api/v1/audit":                 {Summary: "Who changed what, the newest first.", Query: client.AuditQuery{}, Answer: client.Entries{}},
		"GET /api/v1/audit/counts":          {Summary: "How often the configuration was changed, by group.", Query: client.AuditCountsQuery{}, Answer: client.AuditCounts{}},
		"GET /api/v1/audit/export":          {Summary: "Every message of the control stream, to be verified elsewhere.", Answer: client.AuditMessage{}, Media: lineMedia},
		"GET /api/v1/backup":                {Summary: "All that no fold can make anew, as a tar; the master key is not in it.", Answer: "", Media: "application/x-tar"},
		"GET /api/v1/audit/key":             {Summary: "The key that checkpoints of the audit are signed by.", Answer: client.AuditKey{}},
		"GET /api/v1/audit/verify":          {Summary: "Check the chain of the control stream.", Query: client.KnownQuery{}, Answer: client.AuditReport{}},
		"GET /api/v1/config":                {Summary: "The configuration in force, as hub.yaml.", Query: client.AtQuery{}, Answer: "", Media: "application/yaml"},
		"POST /api/v1/config":               {Summary: "Put a whole configuration in force.", Query: client.ApplyQuery{}, Body: client.Hub{}, Answer: client.Done{}},
		"POST /api/v1/keys/*": {
			Summary: "Give a virtual key a new secret.", Path: "/api/v1/keys/{tenant}/{name}/roll", Query: client.RollQuery{}, Answer: client.Changed[client.Key]{}, Command: true,
		},
	}
	ofSort[client.Price](docs, sortDoc{"prices", "price", "/{provider}/{model}", client.ListQuery{}, nil})
	ofSort[client.Provider](docs, sortDoc{"providers", "provider", "/{id}", client.ProviderList{}, nil})
	ofSort[client.Credential](docs, sortDoc{"credentials", "credential", "/{provider}/{name}", client.CredentialList{}, client.InProvider{}})
	ofSort[client.Model](docs, sortDoc{"models", "logical model", "/{id}", client.ModelList{}, nil})
	ofSort[client.Tenant](docs, sortDoc{"tenants", "tenant", "/{id}", client.ListQuery{}, nil})
	ofSort[client.User](docs, sortDoc{"users", "user", "/{tenant}/{id}", client.UserList{}, client.InTenant{}})
	ofSort[client.Team](docs, sortDoc{"teams", "team", "/{tenant}/{name}", client.TeamList{}, client.InTenant{}})
	ofSort[client.Key](docs, sortDoc{"keys", "virtual key", "/{tenant}/{name}", client.KeyList{}, client.InTenant{}})
	ofSort[client.Token](docs, sortDoc{"tokens", "token", "/{id}", client.TokenList{}, nil})
	const settings = "/api/v1/settings"
	docs["GET "+settings] = web.Doc{Summary: "The settings of the whole hub.", Query: client.AtQuery{}, Answer: client.Object[client.Settings]{}}
	docs["PATCH "+settings] = web.Doc{Summary: "Change the settings of the whole hub.", Body: client.Settings{}, Answer: client.Changed[client.Settings]{}, Command: true}
	return docs
}

// sortDoc is what differs between the descriptions of sorts.
type sortDoc struct {
	path, noun string
	id         string // what follows the path in the address of one object
	list       any    // parameters of the list
	in         any    // parameters of creation, nil: none
}

// ofSort describes the routes of a sort that S says of.
func ofSort[S any](docs map[string]web.Doc, d sortDoc) {
	base := "/api/v1/" + d.path
	one, changed := base+"/*", client.Changed[S]{}
	docs["GET "+base] = web.Doc{Summary: "List " + d.noun + "s, by tenant and id.", Query: d.list, Answer: client.Page[S]{}}
	docs["POST "+base] = web.Doc{Summary: "Create a " + d.noun + ".", Query: d.in, Body: *new(S), Answer: changed, Status: http.StatusCreated, Command: true}
	docs["GET "+one] = web.Doc{Summary: "One " + d.noun + ".", Path: base + d.id, Query: client.AtQuery{}, Answer: client.Object[S]{}}
	docs["PATCH "+one] = web.Doc{Summary: "Change a " + d.noun + ".", Path: base + d.id, Body: *new(S), Answer: changed, Command: true}
	docs["DELETE "+one] = web.Doc{Summary: "Remove a " + d.noun + ", and what is inside it.", Path: base + d.id, Answer: changed, Command: true}
}
