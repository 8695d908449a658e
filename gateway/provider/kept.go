package provider

// Kept is what is kept of an answer, so that a later request can go on from it.
type Kept struct {
	ID       string   // of the answer
	Items    []string // ids of what it consists of, which later requests may name as well
	ByVendor bool     // the vendor keeps it; else the gateway has to
	Body     []byte   // the answer, where the gateway has to keep it
}

// Keeper is a [Stream], or what writes an answer, of a dialect whose answers may be
// kept.
type Keeper interface {
	// Kept is what is kept of an answer that ended well, nil if nothing is. It is
	// known once all of the answer was written, in a stream its Trailer.
	Kept() *Kept
}

// KeptBy is what v keeps; nil if it keeps nothing, or never does.
func KeptBy(v any) *Kept {
	if k, ok := v.(Keeper); ok {
		return k.Kept()
	}
	return nil
}

// KeptCall is a call about an answer that a vendor keeps.
type KeptCall struct {
	Method string
	Path   string // below the address of answers, escaped, with its query
}

// AnswerKeeper is a [Vendor] that keeps answers and can be asked about them. The
// request has Kept, and no body. Errors are those of [Vendor].
type AnswerKeeper interface {
	PrepareKept(in *Inbound, t Target) (*Outbound, error)
}
