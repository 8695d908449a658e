package provider

// bytesPerToken is the usual length of a token of English text.
const bytesPerToken = 4

// EstimateTokens tells how many tokens that many bytes of text are, about.
func EstimateTokens(bytes int64) int64 {
	return (bytes + bytesPerToken - 1) / bytesPerToken
}
