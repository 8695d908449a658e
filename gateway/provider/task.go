package provider

// Task is what is asked of a vendor besides chats, completions and embeddings: the
// path in OpenAI's API that it has.
type Task string

// The tasks.
const (
	Moderate   Task = "moderations"
	MakeImages Task = "images/generations"
	EditImages Task = "images/edits"
	VaryImages Task = "images/variations"
	Speak      Task = "audio/speech"
	Transcribe Task = "audio/transcriptions"
	Translate  Task = "audio/translations"
)

// Tasks lists all of them.
func Tasks() []Task {
	return []Task{Moderate, MakeImages, EditImages, VaryImages, Speak, Transcribe, Translate}
}

// Worker is a vendor that does tasks.
type Worker interface {
	// Does tells whether the vendor does the task at all.
	Does(t Task) bool
	// PrepareTask makes the vendor's request of one with a Task that the vendor does.
	// Errors are those of [Vendor].
	PrepareTask(in *Inbound, t Target) (*Outbound, error)
}
