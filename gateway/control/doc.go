// Package control is the control plane: the product's configuration as a fold of
// the control stream, and the commands that change it.
//
// A [Wanted] is read from hub.yaml, from the environment or from what a client
// sent. The objects it consists of (settings, prices, providers, credentials,
// logical models, tenants, users, virtual keys) are what events speak of: a change
// says an object as it was and as it is, in the words of hub.yaml. Accounts and
// invites are objects too, though no file describes them. A [State] is the
// fold of those events; a [Catalog] is what the gateway makes of a state, one
// immutable value at a time in [Live]. A [Plane] is all of that on one node: it
// follows the stream, and a command is a change of a draft of the configuration,
// checked as a whole and appended under the sequence it was checked against.
//
// # Invariants
//
//  1. Every node that has folded a message has the same configuration in force, as
//     if all of it had been read from one file, and has it as soon as the message
//     reaches it. [TestFold, TestPrune, TestMovedProviderLosesItsKeys]
//  2. A command that makes no difference appends nothing. [TestApplyAgain,
//     TestExportRoundTrip]
//  3. A command is on the log once or not at all, also when an append is left
//     without an answer, and never over a rival's it has not seen.
//     [TestUnknownAppend, TestOvertaken, TestRivals, TestManyObjects]
//  4. What does not fit together is never appended. [TestDoesNotFit]
//  5. No secret and nothing that tells of a person is on the log in clear, and no
//     secret in what is shown or exported. [TestNoSecretOnTheLog,
//     cmd/llm-hub.TestCanarySecrets]
//  6. A key that was given for one host is never sent to another.
//     [TestMovedProviderLosesItsKeys, vault.TestPlace]
//  7. With a tenant goes what opens what it had on the log.
//     [TestRemovedTenantIsShredded]
//  8. A virtual key's secret is told once, to whoever had it made, and a revoked key
//     never works again. [admin.TestSecretsAreNeverAnswered, admin.TestKeyLife,
//     cmd/llm-hub.TestTwoNodesSeeOneCatalog]
//  9. A command that was made for an older version of an object changes nothing, and
//     one that is repeated with its idempotency key is done once. [admin.TestEverySort,
//     admin.TestIdempotencyKey]
//  10. Every change is shown once in the audit, with who, before and after, and what
//     was done to a stream since it was written is found at its place, also when it
//     was hashed anew by somebody without the hub's key. [TestAudit, TestVerifyAudit,
//     TestSignedAudit]
//  11. Every route of the operators' API has a permission, every role exactly what the
//     table says, of its own tenant and of others, and the audit names who came.
//     [admin.TestRoles, admin.TestActorIsWhoeverAsks]
//  12. A stream that was recreated, has lost its end or was changed is noticed, by a
//     running node within ten seconds and by a start before it serves; the node
//     keeps what it has in force and takes no command. [TestGuard, TestBrokenChain]
//  13. An account is known by no file, so no export holds one and no file takes one
//     away; a membership ends with its user, and is nobody's again by an equal name.
//     The hash of a password is shown nowhere. [TestPruneKeepsPeople,
//     TestAccountIsNotShown]
//  14. A personal token may no more than its account may at the time.
//     [TestPersonalTokenIsBounded]
//  15. The configuration of a past instant is what a node that lived then had in
//     force. [TestMoment]
//  16. A key may no more than its tenant, its user and its issuer, when it is issued and
//     when it is used. [TestKeyDoesNotExceedAtIssue, TestKeyDoesNotExceedAtUse]
//  17. Nobody gives themselves rights, and a tenant that has an owner keeps one.
//     [TestLastOwner, TestOwnRights]
//  18. What an operator says of a credential holds on every node until it ends, is
//     released or the credential goes. [admin.TestCooldown, route.TestForced,
//     route.TestReleased, cmd/llm-hub.TestTwoNodesSeeOneCatalog]
//  19. A rollback is a change that is checked against what is configured now, and brings
//     back no secret of a key that was replaced. [admin.TestHistory,
//     admin.TestRollbackThatDoesNotFit, admin.TestRollbackKeepsSecrets]
package control
