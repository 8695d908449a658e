package sse

// maxBatch is how many bytes of events go out together when they have all come in
// already; fewer writes than events is what makes long streams cheap.
const maxBatch = 16 << 10

// Batch waits for one event and takes along those that are there with it. take gets
// each, with the error of its reading, and may add to out, which Batch empties first.
// Events are read until take has added something. What take fails with is returned,
// and out has what was added before.
func (r *Reader) Batch(out *[]byte, take func(ev Event, err error) error) error {
	if cap(*out) > 2*maxBatch {
		*out = nil // a huge event's memory is not kept
	}
	*out = (*out)[:0]
	for len(*out) == 0 {
		ev, err := r.Next()
		for ok := true; ok; ev, ok = r.Buffered() {
			if failed := take(ev, err); failed != nil {
				return failed
			}
			if len(*out) >= maxBatch {
				break
			}
		}
	}
	return nil
}
