// Package auth knows who calls: applications by a virtual key, operators by a
// token, and what the role of an operator may, in the installation or in a tenant.
// It decides from memory only.
//
// One extractor reads every style of header that clients of the vendors use, so
// that no route understands a credential another does not. Of addresses, which end
// up in the logs of others, only a virtual key is taken, because Gemini's clients
// may put theirs there; the operator's token never is.
package auth
