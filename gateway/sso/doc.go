// Package sso lets people in by a provider of OpenID Connect: the authorization code
// flow with PKCE, state and nonce, and what the provider's word makes of a person.
//
// It knows neither accounts nor sessions. [Flow.Begin] says where to send a browser and
// what the browser must keep meanwhile; [Flow.Finish] takes what comes back and gives an
// [Identity], whose grants are decided by the rules in force at that moment. What is
// pending is with the browser and nowhere else, so any node finishes what another began.
//
// # Invariants
//
//  1. Nothing is believed but what the token endpoint of the configured issuer hands over
//     for a code and the verifier of the very browser that began: state, nonce, issuer,
//     audience, authorized party, signature by an asymmetric algorithm, and time are
//     checked. [TestAttacks, TestState]
//  2. An address of e-mail counts only if the provider says that it is verified.
//     [TestIdentity]
//  3. A person is who issuer and subject say, never who an address says. [TestIdentity]
//  4. A request without a pending sign-in of its browser calls nobody. [TestState]
//  5. Every call goes by the client it was given, which guards addresses; answers are
//     bounded in time and size. [TestBoundedAnswers, cmd/llm-hub.TestSSO]
//  6. Errors and the log hold no code, token or secret. [TestAttacks]
package sso
