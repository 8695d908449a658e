// Package client calls the operators' API of llm-hub, /api/v1, and holds the types of
// its questions and answers. docs/openapi.json is generated from these types.
//
// Everything that is configured is reached in the same way, with a type of its own for
// what is said of it:
//
//	hub, err := client.New("https://hub.example", token)
//	for model, err := range hub.Models().All(ctx, client.ListQuery{}) { ... }
//	made, err := hub.Keys().Create(ctx, "acme", client.Key{Name: "ci"})
//
// That is for programs. People have sessions, of a client that is made without a token and
// signs in:
//
//	hub, err := client.New("https://hub.example", "", nil)
//	who, err := hub.Login(ctx, client.Login{Email: "ann@acme.example", Password: password})
//
// [Client.Tail] gives requests as they end, and goes on after a connection that broke.
// There is a method for every operation but those that only browsers are sent to.
//
// An error of the API is an [*Error].
package client
