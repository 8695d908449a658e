// Package foreign says the configuration of another gateway in the words of hub.yaml:
// LiteLLM's config.yaml, and what one-api and new-api keep in their database.
//
// What comes out is accepted by [control.Loader.Parse]: whatever it would refuse is
// left out. Whatever is left out, or is not quite the same, is a [Note] that names
// its line. A reference to a secret stays a reference, and a note never quotes a
// value that may be one.
//
// # Invariants
//
//  1. Whatever is read, the result is an error or a hub.yaml that is accepted.
//     [FuzzLiteLLM, FuzzOneAPI]
//  2. Each setting of the file is carried over or noted. [TestEverySettingIsToldOf]
//  3. Virtual keys go on working: they are carried over by their SHA-256.
//     [TestOneAPI, TestLiteLLMKeys]
package foreign
