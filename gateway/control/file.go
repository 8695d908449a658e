package control

import "cmp"

// file is hub.yaml as it is written: the shape of the whole product
// configuration. Keys, types and rules of values are here and in scalars.go and
// nowhere else; the decoder and the shipped JSON schema are both led by them.
//
// A field is optional unless its tag says required; a pointer is nil where the
// key was left out.
type file struct {
	Providers []providerDoc `yaml:"providers" doc:"Vendor accounts."`
	Models    []modelDoc    `yaml:"models" doc:"Logical models: the names applications ask for."`
	Tenants   []tenantDoc   `yaml:"tenants" doc:"Organisations, with their virtual keys and users."`
	Settings  settingsDoc   `yaml:"settings" doc:"Settings of the whole hub."`
	Tokens    []tokenDoc    `yaml:"tokens" doc:"Tokens of operators, for the API under /api."`
}

type providerDoc struct {
	Name        id              `yaml:"name" required:"true" doc:"How targets refer to this provider."`
	Kind        vendorKind      `yaml:"kind" required:"true" doc:"A vendor of the vendor table, e.g. openai, anthropic or gemini."`
	BaseURL     baseURL         `yaml:"base_url" doc:"Where the vendor is called; by default the vendor's own address."`
	Region      regionName      `yaml:"region" doc:"Of bedrock: the region that is called, e.g. eu-central-1."`
	Project     placeName       `yaml:"project" doc:"Of vertex: the id of the Google Cloud project."`
	Location    regionName      `yaml:"location" doc:"Of vertex: the region that is called. Default global."`
	APIVersion  placeName       `yaml:"api_version" doc:"Of azure: the dated version of its older API, whose addresses name the deployment. Default: the v1 API."`
	Deployments []deploymentDoc `yaml:"deployments" doc:"What this account calls a model, where targets name the model itself: deployments of azure, inference profiles of bedrock."`
	Timeouts    timeoutsDoc     `yaml:"timeouts" doc:"For calls to this provider, where the logical model says nothing."`
	Credentials []credentialDoc `yaml:"credentials" doc:"Keys of this account; requests rotate over them."`
	State       switchState     `yaml:"state" doc:"enabled or disabled: disabled, it is not called. Default enabled."`
}

type deploymentDoc struct {
	Model vendorModel `yaml:"model" required:"true" doc:"The model, as targets and prices name it."`
	Name  vendorModel `yaml:"name" required:"true" doc:"What the vendor is told instead."`
}

type credentialDoc struct {
	Name           id          `yaml:"name" required:"true" doc:"Names the key in events, limits and reports."`
	APIKey         secretText  `yaml:"api_key" doc:"The vendor's key. Best given as env:NAME or file:PATH, as all secrets."`
	AccessToken    secretText  `yaml:"access_token" doc:"Of azure and vertex: a token of Entra or Google that somebody else renews."`
	ServiceAccount secretJSON  `yaml:"service_account" doc:"Of vertex: the key file of a Google service account, e.g. file:key.json."`
	AccessKey      secretText  `yaml:"access_key" doc:"Of bedrock: the id of an AWS access key."`
	SecretKey      secretText  `yaml:"secret_key" doc:"Of bedrock: the secret of the AWS access key."`
	SessionToken   secretText  `yaml:"session_token" doc:"Of bedrock: the token of a temporary access key."`
	TenantID       placeName   `yaml:"tenant_id" doc:"Of azure: the Entra tenant of an application that asks for tokens."`
	ClientID       placeName   `yaml:"client_id" doc:"Of azure: the id of that application."`
	ClientSecret   secretText  `yaml:"client_secret" doc:"Of azure: the secret of that application."`
	Weight         *positive   `yaml:"weight" doc:"Share in the rotation. Default 1."`
	Limits         []limitDoc  `yaml:"limits" doc:"What may be spent with this key."`
	State          switchState `yaml:"state" doc:"enabled or disabled: disabled, it is not used. Default enabled."`
}

type modelDoc struct {
	Name     modelName   `yaml:"name" required:"true" doc:"What applications ask for."`
	Strategy strategy    `yaml:"strategy" doc:"How a target is chosen. Default priority."`
	Timeouts timeoutsDoc `yaml:"timeouts" doc:"For calls for this model. Default: the provider's, then connect 5s, first_byte 60s, idle 60s, total 600s."`
	Limits   []limitDoc  `yaml:"limits" doc:"What all tenants together may spend on this model."`
	Targets  []targetDoc `yaml:"targets" required:"true" doc:"Vendor models that can answer."`
}

type targetDoc struct {
	Provider reference   `yaml:"provider" required:"true" doc:"Name of a provider."`
	Model    vendorModel `yaml:"model" required:"true" doc:"The vendor's name of the model."`
	Priority *positive   `yaml:"priority" doc:"Lower is tried first. Default 1."`
}

type timeoutsDoc struct {
	Connect   *duration `yaml:"connect" doc:"To resolve and connect."`
	FirstByte *duration `yaml:"first_byte" doc:"From the call to the first byte of the answer's body."`
	Idle      *duration `yaml:"idle" doc:"Between two chunks of a stream."`
	Total     *duration `yaml:"total" doc:"For a whole request, all attempts together."`
}

type tenantDoc struct {
	Name         tenantID     `yaml:"name" required:"true" doc:"Id of the organisation."`
	Limits       []limitDoc   `yaml:"limits" doc:"What the organisation may spend."`
	Keys         []keyDoc     `yaml:"keys" doc:"Virtual keys: what applications authenticate with."`
	Users        []userDoc    `yaml:"users" doc:"People."`
	Teams        []teamDoc    `yaml:"teams" doc:"Teams or projects: people and keys that spend together."`
	OnDisconnect onDisconnect `yaml:"on_disconnect" doc:"What becomes of the vendor call when a client hangs up. Default drain."`
	Models       []reference  `yaml:"models" doc:"Logical models the organisation may use. Default: all."`
	OwnLimits    []limitDoc   `yaml:"own_limits" doc:"What the organisation allows itself, beside limits: its owners and admins may set it."`
}

type keyDoc struct {
	Name   id          `yaml:"name" required:"true" doc:"Names the key in events, limits and reports."`
	Key    suppliedKey `yaml:"key" doc:"The secret itself: 32 to 256 visible ASCII characters. Default: generated, and shown once."`
	User   reference   `yaml:"user" doc:"E-mail address of the user of this tenant who uses the key, and whose limits then hold too."`
	Team   reference   `yaml:"team" doc:"Team of this tenant whose key it is, and whose limits then hold too."`
	Models []reference `yaml:"models" doc:"Logical models the key may use. Default: all."`
	Limits []limitDoc  `yaml:"limits" doc:"What may be spent with this key."`

	Endpoints []endpointName `yaml:"endpoints" doc:"Endpoints the key may use, by their names in events, like chat.completions. Default: all."`
	Addresses []network      `yaml:"addresses" doc:"Networks or addresses the key may be used from. Default: all."`
	Expires   moment         `yaml:"expires" doc:"When the key stops working, like 2027-01-31T00:00:00Z. Default: never."`
	State     keyState       `yaml:"state" doc:"active, paused or revoked. Revoked is for good. Default: as it is, active at first."`
	Tags      []id           `yaml:"tags" doc:"Words to find the key by."`
	ID        publicID       `yaml:"id" doc:"Public part of a generated key. The hub sets it."`
	Previous  *previousDoc   `yaml:"previous" doc:"The secret before the key was rolled. The hub sets it."`
	Issuer    reference      `yaml:"issuer" doc:"Id of the user of this tenant who made the key, and beyond whose bounds it does not go. The hub sets it."`
}

type previousDoc struct {
	Key   suppliedKey `yaml:"key" required:"true" doc:"The secret, by its SHA-256."`
	Until moment      `yaml:"until" required:"true" doc:"When it stops working."`
}

type userDoc struct {
	Email  email      `yaml:"email" required:"true" doc:"Names the person. Never part of an event."`
	Role   role       `yaml:"role" doc:"What the person is in the organisation: owner, admin, operator, member or viewer. Default member."`
	Limits []limitDoc `yaml:"limits" doc:"What the person may spend with all keys together."`

	Models    []reference    `yaml:"models" doc:"Logical models the person's keys may use. Default: all."`
	Endpoints []endpointName `yaml:"endpoints" doc:"Endpoints the person's keys may use. Default: all."`
	Addresses []network      `yaml:"addresses" doc:"Networks or addresses the person's keys may be used from. Default: all."`
	Expires   moment         `yaml:"expires" doc:"When the person's keys and tokens stop working. Default: never."`
}

type teamDoc struct {
	Name    id          `yaml:"name" required:"true" doc:"Names the team in events, limits and reports."`
	Members []reference `yaml:"members" doc:"E-mail addresses or ids of users of this tenant, who see the team and may give it keys of theirs."`
	Models  []reference `yaml:"models" doc:"Logical models the team's keys may use. Default: all."`
	Limits  []limitDoc  `yaml:"limits" doc:"What the team's keys may spend together."`
}

type limitDoc struct {
	Per         per       `yaml:"per" doc:"Span of the calendar. Not given with concurrency, which holds at every moment."`
	Requests    *positive `yaml:"requests" doc:"Requests."`
	Tokens      *positive `yaml:"tokens" doc:"Tokens."`
	Of          tokensOf  `yaml:"of" doc:"Which tokens. Default total."`
	CostUSD     *money    `yaml:"cost_usd" doc:"US dollars, as text."`
	Concurrency *positive `yaml:"concurrency" doc:"Requests running at the same time, on all nodes together."`
	Mode        mode      `yaml:"mode" doc:"hard refuses, soft lets pass and warns, shadow only records. Default hard."`
	Model       reference `yaml:"model" doc:"Count only this logical model; of a tenant's limits only."`
}

type settingsDoc struct {
	TimeZone     timeZone     `yaml:"time_zone" doc:"Zone in which days, weeks and months are counted. Default UTC."`
	Registration registration `yaml:"registration" doc:"Who may make an account: closed, only administrators; invite, whoever has an invite; open, everybody. Default closed."`
	Join         joinDoc      `yaml:"join" doc:"What those become who register without an invite."`
	Retention    retentionDoc `yaml:"retention" doc:"How long content, and the rows of the analytics tables, are kept."`
	Webhooks     []webhookDoc `yaml:"webhooks" doc:"Who is told of alerts."`
	SSO          *ssoDoc      `yaml:"sso" doc:"Single sign-on by OpenID Connect."`
	Prices       []priceDoc   `yaml:"prices" doc:"Prices that the shipped book lacks, or that differ by contract."`
}

type joinDoc struct {
	Tenant reference `yaml:"tenant" doc:"Name of the tenant that they join."`
	Role   role      `yaml:"role" doc:"member or viewer. Default member."`
}

type retentionDoc struct {
	ContentDays *days `yaml:"content_days" doc:"Days that the hub keeps prompts and answers that no vendor keeps, for requests that go on from them by previous_response_id; 0: never. Default 0."`

	RequestsMonths *months `yaml:"requests_months" doc:"Whole months of UTC before the running one whose requests ClickHouse keeps. The log and its archive keep everything. Default: for ever."`
	AttemptsMonths *months `yaml:"attempts_months" doc:"The same of failed attempts, rate limits of vendors and fallbacks. Default: for ever."`
	UsageMonths    *months `yaml:"usage_months" doc:"The same of usage, line by line: at least requests_months. Default: for ever."`
	RollupsMonths  *months `yaml:"rollups_months" doc:"The same of what usage and requests come to in each quarter of an hour: at least usage_months. Default: for ever."`
}

type webhookDoc struct {
	URL    webhookURL    `yaml:"url" required:"true" doc:"Where alerts are posted."`
	Secret signingSecret `yaml:"secret" required:"true" doc:"Signs what is posted: at least 32 bytes. Best given as env:NAME or file:PATH."`
}

type tokenDoc struct {
	Name     id           `yaml:"name" required:"true" doc:"Names the holder in the audit."`
	Key      suppliedKey  `yaml:"key" doc:"The token itself: 32 to 256 visible ASCII characters. Default: generated, and shown once."`
	Role     role         `yaml:"role" required:"true" doc:"Of the installation, admin may do everything, operator all but what is configured, viewer looks only. Of a tenant: owner, admin, operator, member or viewer."`
	Tenant   reference    `yaml:"tenant" doc:"The tenant whose token it is. Default: the installation's."`
	User     reference    `yaml:"user" doc:"E-mail address or id of the user of the tenant whom it stands for, and whose role it does not exceed."`
	Expires  moment       `yaml:"expires" doc:"When it stops working. Default: never."`
	Previous *previousDoc `yaml:"previous" doc:"The secret before the token was rolled. The hub sets it."`
}

// role is what the person is in the organisation.
func (u *userDoc) role() string { return cmp.Or(string(u.Role), RoleMember) }
