package web

// Doc describes a route to those who call it: what the OpenAPI document says of it.
// Types are given by a value of theirs, as in `Answer: Page{}`; their comments, and
// those of their fields, are part of the description.
type Doc struct {
	Summary string // a sentence
	Path    string // with {names} for what is * in the route's; empty: as the route has it
	Query   any    // a struct whose fields are parameters: tags query, doc, enum; nil: none
	Body    any    // what is sent as JSON; nil: nothing
	Answer  any    // nil: nothing but the status
	Status  int    // of success; 0: 200
	Media   string // of Answer; empty: application/json. Of lines of JSON, Answer is a line
	Lines   any    // a line of the answer where the caller may ask for lines; nil: not
	// Refusals are statuses of problems beyond those that every route may answer.
	Refusals []int
	// Command is a change of what is configured: it takes dry_run, Idempotency-Key and,
	// if it is of an object that there is, If-Match.
	Command bool
}
