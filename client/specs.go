package client

// What is configured, in the words of hub.yaml. Amounts of money are US dollars as
// text, spans of time are like 5s or 10m, moments are in RFC 3339. What is left out
// has its default; of secrets only the ends are answered.

// Hub is a whole configuration.
type Hub struct {
	Providers []Provider `json:"providers,omitempty"`
	Models    []Model    `json:"models,omitempty"`
	Tenants   []Tenant   `json:"tenants,omitempty"`
	Settings  *Settings  `json:"settings,omitempty"`
	Tokens    []Token    `json:"tokens,omitempty"`
}

// Provider is a vendor account.
type Provider struct {
	Name        string       `json:"name"`
	Kind        string       `json:"kind"`
	BaseURL     string       `json:"base_url,omitempty"`
	Region      string       `json:"region,omitempty"`
	Project     string       `json:"project,omitempty"`
	Location    string       `json:"location,omitempty"`
	APIVersion  string       `json:"api_version,omitempty"`
	Deployments []Deployment `json:"deployments,omitempty"`
	Timeouts    *Timeouts    `json:"timeouts,omitempty"`
	Credentials []Credential `json:"credentials,omitempty"`
	State       string       `json:"state,omitempty"`
}

// Deployment is what a vendor account calls a model.
type Deployment struct {
	Model string `json:"model"`
	Name  string `json:"name"`
}

// Credential is a vendor key of a provider.
type Credential struct {
	Name           string  `json:"name"`
	APIKey         string  `json:"api_key,omitempty"`
	AccessToken    string  `json:"access_token,omitempty"`
	ServiceAccount string  `json:"service_account,omitempty"`
	AccessKey      string  `json:"access_key,omitempty"`
	SecretKey      string  `json:"secret_key,omitempty"`
	SessionToken   string  `json:"session_token,omitempty"`
	TenantID       string  `json:"tenant_id,omitempty"`
	ClientID       string  `json:"client_id,omitempty"`
	ClientSecret   string  `json:"client_secret,omitempty"`
	Weight         *int64  `json:"weight,omitempty"`
	Limits         []Limit `json:"limits,omitempty"`
	State          string  `json:"state,omitempty"`
}

// Model is a logical model: a name that applications ask for.
type Model struct {
	Name     string    `json:"name"`
	Strategy string    `json:"strategy,omitempty"`
	Timeouts *Timeouts `json:"timeouts,omitempty"`
	Limits   []Limit   `json:"limits,omitempty"`
	Targets  []Target  `json:"targets"`
}

// Target is a vendor model that can answer for a logical one.
type Target struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	Priority *int64 `json:"priority,omitempty"`
}

// Timeouts bound a vendor call.
type Timeouts struct {
	Connect   string `json:"connect,omitempty"`
	FirstByte string `json:"first_byte,omitempty"`
	Idle      string `json:"idle,omitempty"`
	Total     string `json:"total,omitempty"`
}

// Tenant is an organisation.
type Tenant struct {
	Name         string   `json:"name"`
	Limits       []Limit  `json:"limits,omitempty"`
	Keys         []Key    `json:"keys,omitempty"`
	Users        []User   `json:"users,omitempty"`
	Teams        []Team   `json:"teams,omitempty"`
	OnDisconnect string   `json:"on_disconnect,omitempty"`
	Models       []string `json:"models,omitempty"`
	OwnLimits    []Limit  `json:"own_limits,omitempty"`
}

// User is a person of a tenant.
type User struct {
	Email     string   `json:"email"`
	Role      string   `json:"role,omitempty"`
	Limits    []Limit  `json:"limits,omitempty"`
	Models    []string `json:"models,omitempty"`
	Endpoints []string `json:"endpoints,omitempty"`
	Addresses []string `json:"addresses,omitempty"`
	Expires   string   `json:"expires,omitempty"`
}

// Team is people and keys of a tenant that spend together.
type Team struct {
	Name    string   `json:"name"`
	Members []string `json:"members,omitempty"`
	Models  []string `json:"models,omitempty"`
	Limits  []Limit  `json:"limits,omitempty"`
}

// Key is a virtual key: what applications authenticate with.
type Key struct {
	Name      string    `json:"name"`
	Key       string    `json:"key,omitempty"`
	User      string    `json:"user,omitempty"`
	Team      string    `json:"team,omitempty"`
	Models    []string  `json:"models,omitempty"`
	Limits    []Limit   `json:"limits,omitempty"`
	Endpoints []string  `json:"endpoints,omitempty"`
	Addresses []string  `json:"addresses,omitempty"`
	Expires   string    `json:"expires,omitempty"`
	State     string    `json:"state,omitempty"`
	Tags      []string  `json:"tags,omitempty"`
	ID        string    `json:"id,omitempty"`
	Previous  *Previous `json:"previous,omitempty"`
	Issuer    string    `json:"issuer,omitempty"`
}

// Previous is the secret before a roll.
type Previous struct {
	Key   string `json:"key"`
	Until string `json:"until"`
}

// Token is what an operator comes with.
type Token struct {
	Name     string    `json:"name"`
	Key      string    `json:"key,omitempty"`
	Role     string    `json:"role"`
	Tenant   string    `json:"tenant,omitempty"`
	User     string    `json:"user,omitempty"`
	Expires  string    `json:"expires,omitempty"`
	Previous *Previous `json:"previous,omitempty"`
}

// Limit bounds what may be spent: one of its amounts, in a span of the calendar.
type Limit struct {
	Per         string `json:"per,omitempty"`
	Requests    *int64 `json:"requests,omitempty"`
	Tokens      *int64 `json:"tokens,omitempty"`
	Of          string `json:"of,omitempty"`
	CostUSD     string `json:"cost_usd,omitempty"`
	Concurrency *int64 `json:"concurrency,omitempty"`
	Mode        string `json:"mode,omitempty"`
	Model       string `json:"model,omitempty"`
}

// Settings are those of the whole hub.
type Settings struct {
	TimeZone     string     `json:"time_zone,omitempty"`
	Registration string     `json:"registration,omitempty"`
	Join         *Join      `json:"join,omitempty"`
	Retention    *Retention `json:"retention,omitempty"`
	Webhooks     []Webhook  `json:"webhooks,omitempty"`
	SSO          *SSO       `json:"sso,omitempty"`
	Prices       []Price    `json:"prices,omitempty"`
}

// Join is what those become who register without an invite.
type Join struct {
	Tenant string `json:"tenant,omitempty"`
	Role   string `json:"role,omitempty"`
}

// SSO is a provider of single sign-on by OpenID Connect.
type SSO struct {
	Issuer       string    `json:"issuer"` // exactly as its tokens name it
	ClientID     string    `json:"client_id"`
	ClientSecret string    `json:"client_secret,omitempty"`
	RedirectURL  string    `json:"redirect_url"` // /api/v1/sso/callback of the hub
	Scopes       []string  `json:"scopes,omitempty"`
	Domains      []string  `json:"domains,omitempty"`
	Roles        []SSORule `json:"roles"`
}

// SSORule says who becomes what.
type SSORule struct {
	Claim  string `json:"claim,omitempty"`
	Value  string `json:"value,omitempty"`
	Tenant string `json:"tenant,omitempty"` // empty: the whole installation
	Role   string `json:"role"`
}

// Retention says how long content is kept, and of what the analytics tables keep rows for
// how many whole months of UTC before the running one; absent: for ever.
type Retention struct {
	ContentDays    *int64 `json:"content_days,omitempty"`
	RequestsMonths *int64 `json:"requests_months,omitempty"`
	AttemptsMonths *int64 `json:"attempts_months,omitempty"`
	UsageMonths    *int64 `json:"usage_months,omitempty"`   // at least RequestsMonths
	RollupsMonths  *int64 `json:"rollups_months,omitempty"` // at least UsageMonths
}

// Webhook is told of alerts.
type Webhook struct {
	URL    string `json:"url"`
	Secret string `json:"secret"`
}

// Price is the price of a model, by class of usage.
type Price struct {
	Model          string `json:"model"`
	Provider       string `json:"provider,omitempty"`
	Input          string `json:"input,omitempty"`
	CacheRead      string `json:"cache_read,omitempty"`
	CacheWrite     string `json:"cache_write,omitempty"`
	CacheWrite1h   string `json:"cache_write_1h,omitempty"`
	AudioInput     string `json:"audio_input,omitempty"`
	AudioCacheRead string `json:"audio_cache_read,omitempty"`
	ImageInput     string `json:"image_input,omitempty"`
	Output         string `json:"output,omitempty"`
	Reasoning      string `json:"reasoning,omitempty"`
	AudioOutput    string `json:"audio_output,omitempty"`
	ImageOutput    string `json:"image_output,omitempty"`
	Images         string `json:"images,omitempty"`
	WebSearches    string `json:"web_searches,omitempty"`
	FileSearches   string `json:"file_searches,omitempty"`
	ToolCalls      string `json:"tool_calls,omitempty"`
	SearchUnits    string `json:"search_units,omitempty"`
	AudioMS        string `json:"audio_ms,omitempty"`
	Characters     string `json:"characters,omitempty"`
}
