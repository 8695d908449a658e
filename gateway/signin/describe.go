package signin

import (
	"net/http"
	"strings"

	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// described gives routes what the API's description says of them.
func described(routes []web.Route) []web.Route {
	docs := map[string]web.Doc{
		"GET /api/v1/sign-in":                 {Summary: "How one can sign in.", Answer: client.SignIn{}},
		"POST /api/v1/setup":                  {Summary: "Make the first account, by the first-run token.", Body: client.Setup{}, Answer: client.Who{}, Status: http.StatusCreated},
		"POST /api/v1/login":                  {Summary: "Sign in with a password; the session is in a cookie.", Body: client.Login{}, Answer: client.Who{}},
		"GET /api/v1/sso/login":               {Summary: "Send a browser to the provider of single sign-on.", Status: http.StatusSeeOther},
		"GET /api/v1/sso/callback":            {Summary: "Where the provider sends the browser back to; the session is in a cookie.", Query: client.SSOAnswer{}, Status: http.StatusSeeOther},
		"POST /api/v1/register":               {Summary: "Make an account for oneself, by an invite or where registration is open.", Body: client.Registration{}, Answer: client.Who{}, Status: http.StatusCreated},
		"POST /api/v1/reset":                  {Summary: "Set a password by what an administrator gave.", Body: client.ResetUse{}, Status: http.StatusNoContent},
		"POST /api/v1/logout":                 {Summary: "Sign out, here or everywhere.", Body: client.Logout{}, Status: http.StatusNoContent},
		"GET /api/v1/session":                 {Summary: "Who one is, and may do.", Answer: client.Who{}},
		"POST /api/v1/session/switch":         {Summary: "Act in another tenant, or for the whole installation.", Body: client.Membership{}, Answer: client.Who{}},
		"POST /api/v1/session/reauthenticate": {Summary: "Prove once more who one is: sensitive actions need a proof of the last 15 minutes.", Body: client.Proof{}, Answer: client.Who{}},
		"POST /api/v1/session/join":           {Summary: "Become a member by an invite.", Body: client.InviteUse{}, Answer: client.Who{}},
		"PATCH /api/v1/account":               {Summary: "Say what one is called.", Body: client.Rename{}, Answer: client.Who{}},
		"POST /api/v1/account/password":       {Summary: "Change one's password; all other sessions are over.", Body: client.PasswordChange{}, Answer: client.Who{}},
		"GET /api/v1/account/tokens":          {Summary: "One's personal tokens.", Answer: client.PersonalTokens{}},
		"POST /api/v1/account/tokens":         {Summary: "Make a personal token; its secret is shown once.", Body: client.PersonalToken{}, Answer: client.PersonalTokenMade{}, Status: http.StatusCreated},
		"DELETE /api/v1/account/tokens/:name": {Summary: "Remove a personal token.", Status: http.StatusNoContent},
		"GET /api/v1/account/sessions":        {Summary: "One's sessions that are not over, the last used first.", Answer: client.OpenSessions{}},
		"DELETE /api/v1/account/sessions":     {Summary: "End one's other sessions; with a token, all of them.", Status: http.StatusNoContent},
		"DELETE /api/v1/account/sessions/:id": {Summary: "End one of one's sessions.", Status: http.StatusNoContent},
		"GET /api/v1/accounts":                {Summary: "List accounts, by id.", Query: client.AccountsQuery{}, Answer: client.Accounts{}},
		"POST /api/v1/accounts":               {Summary: "Make an account; its owner sets a password by the reset that is answered.", Body: client.AccountSpec{}, Answer: client.AccountMade{}, Status: http.StatusCreated},
		"GET /api/v1/accounts/:id":            {Summary: "One account.", Answer: client.Account{}},
		"PATCH /api/v1/accounts/:id":          {Summary: "Change an account; If-Match with its ETag refuses what was changed meanwhile.", Body: client.AccountSpec{}, Answer: client.Account{}},
		"DELETE /api/v1/accounts/:id":         {Summary: "Remove an account; its users stay.", Status: http.StatusNoContent},
		"POST /api/v1/accounts/:id/reset":     {Summary: "Let whoever is given the answer set the password once, within an hour.", Answer: client.Reset{}, Status: http.StatusCreated},
		"GET /api/v1/invites":                 {Summary: "List invites, by tenant and id.", Query: client.InvitesQuery{}, Answer: client.Invites{}},
		"POST /api/v1/invites":                {Summary: "Invite somebody to a tenant, with at most one's own role; the secret is shown once.", Body: client.InviteOrder{}, Answer: client.InviteMade{}, Status: http.StatusCreated},
		"DELETE /api/v1/invites/:tenant/:id":  {Summary: "Take an invite back.", Status: http.StatusNoContent},
	}
	for i, r := range routes {
		doc := docs[r.Method+" "+r.Path]
		doc.Refusals = []int{http.StatusNotFound} // of whoever acts for a tenant
		if r.Permission == web.Public && r.Method == http.MethodGet && strings.HasPrefix(r.Path, "/api/v1/sso/") {
			doc.Refusals = append(doc.Refusals, http.StatusConflict, http.StatusTooManyRequests)
		}
		if changes(r.Method) {
			doc.Refusals = append(doc.Refusals, http.StatusConflict, http.StatusPreconditionFailed, http.StatusTooManyRequests)
		}
		routes[i].Doc = doc
	}
	return routes
}
