package client

import "time"

// SignIn says how one can sign in, to whoever asks.
type SignIn struct {
	Setup        bool   `json:"setup"`        // there is no account: the first-run token makes one
	Registration string `json:"registration"` // closed, invite, open
	SSO          bool   `json:"sso"`          // a browser may go to /api/v1/sso/login
}

// SSOAnswer is what a provider of single sign-on makes a browser bring back.
type SSOAnswer struct {
	Code  string `query:"code" doc:"Worth tokens at the provider, once."`
	State string `query:"state" doc:"As it was given to the browser."`
	Iss   string `query:"iss" doc:"The provider, if it says so."`
	Error string `query:"error" doc:"Why there is no code."`
}

// Newcomer is somebody who makes an account.
type Newcomer struct {
	Email    string `json:"email"`
	Name     string `json:"name,omitempty"`
	Password string `json:"password"` // 12 to 128 characters, and none of the commonest
}

// Setup makes the first account, an administrator of the installation.
type Setup struct {
	Newcomer
	Token  string `json:"token"`            // first-run token, as the hub's start has shown it
	Tenant string `json:"tenant,omitempty"` // that the account is the owner of; it is made if it is not there
}

// Registration makes an account for whoever comes.
type Registration struct {
	Newcomer
	Invite string `json:"invite,omitempty"` // needed unless registration is open
}

// Login signs in with a password.
type Login struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// Logout ends a session.
type Logout struct {
	Everywhere bool `json:"everywhere,omitempty"` // every session of the account
}

// Membership names a tenant to act in.
type Membership struct {
	Tenant string `json:"tenant,omitempty"` // absent: the whole installation
}

// Proof says once more who one is.
type Proof struct {
	Password string `json:"password"`
}

// InviteUse uses an invite.
type InviteUse struct {
	Invite string `json:"invite"`
}

// PasswordChange replaces one's password.
type PasswordChange struct {
	Current  string `json:"current"`
	Password string `json:"password"`
}

// ResetUse sets a password by a reset that an administrator gave.
type ResetUse struct {
	Token    string `json:"token"`
	Password string `json:"password"`
}

// Rename says what one is called.
type Rename struct {
	Name string `json:"name"`
}

// Who is who one is.
type Who struct {
	Name        string     `json:"name"` // in the audit
	Via         string     `json:"via"`  // token, session
	Acting      Acting     `json:"acting"`
	Permissions []string   `json:"permissions"`
	Account     *Self      `json:"account,omitempty"`   // absent: an operator's token
	ProvenAt    *time.Time `json:"proven_at,omitempty"` // last proof of who it is, of a session
	EndsAt      *time.Time `json:"ends_at,omitempty"`   // of the session, if nothing more is asked
	Memberships []Member   `json:"memberships"`
}

// Acting is as whom somebody acts at present.
type Acting struct {
	Tenant string `json:"tenant,omitempty"` // absent: the whole installation
	User   string `json:"user,omitempty"`
	Role   string `json:"role,omitempty"` // absent: none, any more
}

// Self is the account that somebody is signed in as.
type Self struct {
	ID          string `json:"id"`
	Email       string `json:"email"`
	Name        string `json:"name,omitempty"`
	Role        string `json:"role,omitempty"` // in the whole installation
	HasPassword bool   `json:"has_password"`
}

// Member is a user of a tenant that an account may act as.
type Member struct {
	Tenant string `json:"tenant"`
	User   string `json:"user"`           // id
	Role   string `json:"role,omitempty"` // ignored in what is sent: it is the user's
}

// PersonalToken lets a program act as an account.
type PersonalToken struct {
	Name    string     `json:"name"`
	Tenant  string     `json:"tenant,omitempty"`  // that it acts in; absent: the whole installation
	Role    string     `json:"role"`              // at most; what the account is at the time bounds it further
	Expires *time.Time `json:"expires,omitempty"` // absent: never
}

// PersonalTokens are those of an account.
type PersonalTokens struct {
	Items []PersonalToken `json:"items"`
}

// PersonalTokenMade is a personal token that has just been made.
type PersonalTokenMade struct {
	PersonalToken
	Token string `json:"token"` // shown only now
}

// OpenSession is a session that is not over.
type OpenSession struct {
	ID      string    `json:"id"`
	Current bool      `json:"current"`          // the one that asks
	Tenant  string    `json:"tenant,omitempty"` // that it acts in; absent: the whole installation
	From    string    `json:"from,omitempty"`   // address that it was begun from; behind a proxy, the proxy's
	Agent   string    `json:"agent,omitempty"`  // what the program that began it calls itself
	Created time.Time `json:"created_at"`
	Seen    time.Time `json:"seen_at"` // last request, give or take five minutes
	Ends    time.Time `json:"ends_at"` // unless it is used before
}

// OpenSessions are those of an account, the last used first.
type OpenSessions struct {
	Items []OpenSession `json:"items"`
}

// AccountSpec is what administrators say of an account.
type AccountSpec struct {
	Email       string   `json:"email"`
	Name        string   `json:"name,omitempty"`
	Role        string   `json:"role,omitempty"`        // in the whole installation: admin, operator, viewer; absent: none
	State       string   `json:"state,omitempty"`       // enabled, disabled; absent: enabled
	Memberships []Member `json:"memberships,omitempty"` // users of tenants that it may act as
}

// Account is who signs in.
type Account struct {
	ID          string          `json:"id"`
	Email       string          `json:"email"`
	Name        string          `json:"name,omitempty"`
	Role        string          `json:"role,omitempty"` // in the whole installation; absent: none
	State       string          `json:"state"`          // enabled, disabled
	Verified    bool            `json:"verified"`       // somebody else vouches for the address
	HasPassword bool            `json:"has_password"`
	ResetUntil  *time.Time      `json:"reset_until,omitempty"` // until when somebody may set the password
	Issuers     []string        `json:"issuers,omitempty"`     // of single sign-on that it is linked to
	Memberships []Member        `json:"memberships"`
	Tokens      []PersonalToken `json:"tokens"`
	Version     uint64          `json:"version"` // sequence of the command that set it last; its ETag
}

// Accounts are a part of the list, in the order of their ids.
type Accounts struct {
	Items []Account `json:"items"`
	Next  string    `json:"next,omitempty"` // value of after for the next page; absent: this is the last
}

// AccountsQuery pages through accounts.
type AccountsQuery struct {
	Limit int    `query:"limit" doc:"At most so many; 1 to 1000. Default 100."`
	After string `query:"after" doc:"Only accounts after this id: next of the page before."`
}

// Reset lets whoever is given it set a password once.
type Reset struct {
	Token string    `json:"token"` // shown only now
	Until time.Time `json:"until"`
}

// AccountMade is an account that has just been made, and how its owner gets a password.
type AccountMade struct {
	Account
	Reset Reset `json:"reset"`
}

// InviteOrder makes an invite.
type InviteOrder struct {
	Tenant  string     `json:"tenant"`
	Role    string     `json:"role,omitempty"`    // of the user that it makes; at most the issuer's
	User    string     `json:"user,omitempty"`    // instead of role: a user that is there already and whom it is for
	Email   string     `json:"email,omitempty"`   // whom it is for; absent: whoever has it
	Expires *time.Time `json:"expires,omitempty"` // in a minute at least, and 30 days at most; absent: in 7 days
}

// Invite makes its holder a member, once.
type Invite struct {
	ID      string    `json:"id"`
	Tenant  string    `json:"tenant"`
	Role    string    `json:"role,omitempty"`  // of the user that it makes
	User    string    `json:"user,omitempty"`  // that is there already and whom it is for
	Email   string    `json:"email,omitempty"` // whom it is for; absent: whoever has it
	Expires time.Time `json:"expires"`
	Issuer  string    `json:"issuer,omitempty"` // account
}

// Invites are those that can be used, and those that have expired.
type Invites struct {
	Items []Invite `json:"items"`
}

// InviteMade is an invite that has just been made.
type InviteMade struct {
	Invite
	Secret string `json:"secret"` // shown only now; what registers or joins by it
}

// InvitesQuery narrows the list of invites.
type InvitesQuery struct {
	Tenant string `query:"tenant" doc:"Only of this one."`
}
