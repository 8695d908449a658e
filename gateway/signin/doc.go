// Package signin lets people in: accounts with passwords, sessions, invites, the
// first account, and what keeps guessing slow.
//
// An account is an object of package control, so every change of one is an event with
// its actor. Who signs in and out is no event: it is a line of the log of the process
// and a count, because it changes nothing. A session is an entry of a bucket, under
// the SHA-256 of its token, that every node reads; what its holder may is not in it
// but looked up in the configuration in force at every request. The events that end
// it are therefore live everywhere as fast as the configuration is:
//
//   - a password that is changed or reset, and signing out everywhere, raise the
//     account's epoch, which a session must have;
//   - an account that is disabled or removed has no session;
//   - a role that changes is another role at the next request.
//
// Signing out changes the entry, which every node watches.
//
// # Invariants
//
//  1. There is no account until the first-run token is used: it has 256 bits, is kept as a
//     hash, works for 60 minutes and for one account. [TestFirstRun, TestFirstRunAtOnce]
//  2. A session is over on every node within a second of what ends it; a node that cannot
//     ask believes nothing that is older than a minute. [TestSessions, TestSessionsAway,
//     TestOlderIsNotLearned, TestWhatEndsSessions, cmd/llm-hub.TestTwoNodesSeeOneCatalog]
//  3. A session gets another token whenever somebody proves who they are or acts as
//     somebody else, and what a browser had before is over. [TestSessionFixation]
//  4. Whether an account exists costs one run of argon2id either way, and says nothing
//     else. [TestUnknownAccount]
//  5. Of one account 5 passwords are tried in 15 minutes over all nodes, however many try
//     at once; then each must wait twice as long as the one before, up to 15 minutes.
//     [TestAccountThrottle, TestAccountThrottleAtOnce]
//  6. What is handed out once (first-run token, invite, reset) works once, because the
//     command that uses it takes it away under the sequence it was checked against.
//     [TestInviteOnce, TestResetOnce, TestFirstRun]
//  7. Nobody makes another greater than themselves, by an invite neither when it is made nor
//     when it is used. [TestInviteIsBounded]
//  8. An account becomes a member only by an invite, an administrator, what settings say of
//     those who register, or the mapping of single sign-on; never because its address is
//     that of a user.
//     [TestRegister]
//  9. Single sign-on finds an account by issuer and subject. An address links it only where
//     the provider has verified it and somebody here vouched for the account's, and each
//     sign-in leaves it with just what the mapping gives wherever that speaks.
//     [TestEnterAs, TestEnterAsRefuses, TestSSORoutes, cmd/llm-hub.TestSSO]
package signin
