package events

// Unit is what a class of usage is counted in.
type Unit string

// Units of usage.
const (
	TokenUnit       Unit = "token"
	PieceUnit       Unit = "piece" // an image, a search, a call
	MillisecondUnit Unit = "ms"    // of sound
	CharacterUnit   Unit = "character"
)

// Class is a kind of usage that has a price of its own. What a vendor bills is in
// exactly one class, in the unit that it is billed by: an image in tokens or as a
// piece, never both.
type Class struct {
	Name string // in events, prices, tables, answers and configuration alike
	Unit Unit
	Per  int64 // units that a price in dollars is listed for: a million tokens, one image, a minute
}

// ClassCount is the number of classes.
const ClassCount = 18

// What prices are listed for.
const (
	million = 1_000_000
	piece   = 1
	minute  = 60_000 // ms
)

// Classes lists the classes in the order of the fields of [Usage]: tokens of the
// prompt, tokens of the answer, and what is no token.
func Classes() [ClassCount]Class {
	return [ClassCount]Class{
		{"input", TokenUnit, million},
		{"cache_read", TokenUnit, million},
		{"cache_write", TokenUnit, million},
		{"cache_write_1h", TokenUnit, million},
		{"audio_input", TokenUnit, million},
		{"audio_cache_read", TokenUnit, million},
		{"image_input", TokenUnit, million},
		{"output", TokenUnit, million},
		{"reasoning", TokenUnit, million},
		{"audio_output", TokenUnit, million},
		{"image_output", TokenUnit, million},
		{"images", PieceUnit, piece},
		{"web_searches", PieceUnit, piece},
		{"file_searches", PieceUnit, piece},
		{"tool_calls", PieceUnit, piece},
		{"search_units", PieceUnit, piece},
		{"audio_ms", MillisecondUnit, minute},
		{"characters", CharacterUnit, million},
	}
}

// ClassNames lists the names of the classes, in their order.
func ClassNames() []string {
	classes := Classes()
	names := make([]string, ClassCount)
	for i := range classes {
		names[i] = classes[i].Name
	}
	return names
}

// ClassIndex is the place of a class among [Classes]; -1 if there is none of that name.
func ClassIndex(name string) int {
	classes := Classes()
	for i := range classes {
		if classes[i].Name == name {
			return i
		}
	}
	return -1
}

// Refs points to the amount of each class, in the order of [Classes].
func (u *Usage) Refs() [ClassCount]*int64 {
	return [ClassCount]*int64{
		&u.Input, &u.CacheRead, &u.CacheWrite, &u.CacheWrite1h, &u.AudioInput, &u.AudioCacheRead, &u.ImageInput,
		&u.Output, &u.Reasoning, &u.AudioOutput, &u.ImageOutput,
		&u.Images, &u.WebSearches, &u.FileSearches, &u.ToolCalls, &u.SearchUnits, &u.AudioMS, &u.Characters,
	}
}

// Amounts gives the amount of each class, in the order of [Classes].
func (u *Usage) Amounts() (n [ClassCount]int64) {
	for i, amount := range u.Refs() {
		n[i] = *amount
	}
	return n
}
