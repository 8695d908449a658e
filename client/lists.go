package client

// ListQuery asks for a page of what is configured.
type ListQuery struct {
	Limit int    `query:"limit" doc:"At most so many, up to 1000. Default 100."`
	After string `query:"after" doc:"Next of the page before."`
	AtQuery
}

// AtQuery asks for what was in force at an instant.
type AtQuery struct {
	At string `query:"at" doc:"As it was at this instant. Default: now."`
}

// ProviderList narrows a list of providers.
type ProviderList struct {
	ListQuery
	State string `query:"state" doc:"Only of this state." enum:"enabled,disabled"`
	Kind  string `query:"kind" doc:"Only of this kind of vendor."`
}

// CredentialList narrows a list of credentials.
type CredentialList struct {
	ListQuery
	Provider string `query:"provider" doc:"Only of this one."`
	State    string `query:"state" doc:"Only of this state." enum:"enabled,disabled"`
}

// ModelList narrows a list of logical models.
type ModelList struct {
	ListQuery
	Provider string `query:"provider" doc:"Only those that this provider can answer for."`
}

// UserList narrows a list of users.
type UserList struct {
	ListQuery
	Tenant string `query:"tenant" doc:"Only of this one."`
	Role   string `query:"role" doc:"Only of this role." enum:"owner,admin,operator,member,viewer"`
}

// KeyList narrows a list of virtual keys.
type KeyList struct {
	ListQuery
	Tenant string `query:"tenant" doc:"Only of this one."`
	State  string `query:"state" doc:"Only of this state." enum:"active,paused,revoked"`
	Tag    string `query:"tag" doc:"Only with this tag."`
	User   string `query:"user" doc:"Only of this owner: the id of a user."`
	Team   string `query:"team" doc:"Only of this team."`
	Model  string `query:"model" doc:"Only those that may use this logical model."`
}

// TeamList narrows a list of teams.
type TeamList struct {
	ListQuery
	Tenant string `query:"tenant" doc:"Only of this one."`
}

// TokenList narrows a list of operators' tokens.
type TokenList struct {
	ListQuery
	Role string `query:"role" doc:"Only of this role." enum:"owner,admin,operator,member,viewer"`
}

// InTenant names the tenant that something is made in.
type InTenant struct {
	Tenant string `query:"tenant" doc:"Whose it is to be." required:"true"`
}

// InProvider names the provider that something is made in.
type InProvider struct {
	Provider string `query:"provider" doc:"Whose it is to be." required:"true"`
}
