package openai

import (
	"io"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

// rawSize is how much of a raw answer goes on at once, in bytes.
const rawSize = 32 << 10

// rawStream passes bytes through. Of what has come the last byte is held back, because
// it may be the answer's last, which the client gets only when the books have all of it.
type rawStream struct {
	r    io.Reader
	buf  [rawSize + 1]byte
	held int // bytes at the beginning of buf that are held back, 0 or 1
	sent int // bytes of buf that Next returned last
}

func newRawStream(r io.Reader) provider.Stream { return &rawStream{r: r} }

// Next implements [provider.Stream].
func (s *rawStream) Next() ([]byte, error) {
	if s.sent > 0 {
		s.buf[0], s.held, s.sent = s.buf[s.sent], 1, 0
	}
	for {
		n, err := s.r.Read(s.buf[s.held:])
		if total := s.held + n; total > 1 {
			s.sent, s.held = total-1, 0
			return s.buf[:s.sent], nil // what comes with the last bytes comes again
		}
		s.held += n
		switch {
		case err == io.EOF && s.held > 0:
			return nil, io.EOF
		case err == io.EOF:
			return nil, provider.CutError()
		case err != nil:
			return nil, provider.ReadError(err)
		}
	}
}

// Progress implements [provider.Stream]: such an answer tells nothing.
func (s *rawStream) Progress() provider.Progress { return provider.Progress{} }

// Trailer implements [provider.Stream].
func (s *rawStream) Trailer(provider.Bill) []byte { return s.buf[:s.held] }

// Abort implements [provider.Stream]: there is no place for an error.
func (s *rawStream) Abort(*gateway.Error) []byte { return nil }
