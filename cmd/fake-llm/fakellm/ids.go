package fakellm

import "math/rand/v2"

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// idSource makes the ids of one response; the same seed and arrival give the same ids.
type idSource struct{ rng *rand.PCG }

func newIDSource(seed, arrival uint64) *idSource {
	return &idSource{rng: rand.NewPCG(seed, arrival)}
}

// next is prefix and n alphanumeric characters.
func (s *idSource) next(prefix string, n int) string {
	id := make([]byte, 0, len(prefix)+n)
	id = append(id, prefix...)
	for range n {
		id = append(id, alphanumeric[s.rng.Uint64()%uint64(len(alphanumeric))])
	}
	return string(id)
}
