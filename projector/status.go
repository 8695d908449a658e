package projector

// State is how a fold is doing.
type State string

// The states of a fold.
const (
	Starting   State = "starting"    // loads and checks what is stored
	CatchingUp State = "catching_up" // reads what was in the log when it started
	Following  State = "following"
	Retrying   State = "retrying" // a store is out of reach
	Halted     State = "halted"   // a [GuardError]: needs a rebuild
)
