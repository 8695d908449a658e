package provider

import (
	"fmt"
	"slices"

	"github.com/llm-hub/llm-hub/gateway"
)

// Drops notes what a vendor cannot be told of a request. Its zero value is ready for
// use.
type Drops struct{ paths []string }

// Drop notes that the vendor is not told what the client's field at path says.
func (d *Drops) Drop(path string) {
	if !slices.Contains(d.paths, path) {
		d.paths = append(d.paths, path)
	}
}

// Dropped are the paths of what was dropped, in the order in which it was.
func (d *Drops) Dropped() []string { return d.paths }

// Refusal is the error of a client that wants nothing dropped, nil if nothing was.
func (d *Drops) Refusal() error {
	if len(d.paths) == 0 {
		return nil
	}
	return &gateway.Error{
		Kind: gateway.Invalid, Param: d.paths[0], Code: "unsupported_parameter",
		Public: fmt.Sprintf("This model's vendor cannot be told '%s'.", d.paths[0]),
	}
}

// UnreachableError refuses a request in a dialect that is not spoken with the vendor.
func UnreachableError() *gateway.Error {
	return &gateway.Error{Kind: gateway.Invalid, Public: "This model cannot be reached through this endpoint."}
}
