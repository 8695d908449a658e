// Package auth knows who calls: applications by a virtual key, operators by a
// token. It decides from memory only.
//
// One extractor reads every style of header that clients of the vendors use, so
// that no route understands a credential another does not. A credential in the
// URL is not taken: addresses end up in logs.
package auth
