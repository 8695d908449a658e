package providertest

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// Fuzz holds that a vendor's stream comes out the same however it arrives, and
// that every stream is closed: by the dialect's terminator or by an error event,
// never by both. The transcripts of dir are the seeds.
func (p Player) Fuzz(f *testing.F, dir string) {
	for _, tr := range load(f, dir) {
		if answer := tr.vendorAnswer(); strings.Contains(answer, "data:") {
			f.Add(answer, strings.Contains(tr.get(sectionClientRequest), "include_usage"))
		}
	}
	f.Fuzz(func(t *testing.T, answer string, usage bool) {
		whole := p.stream(t, strings.NewReader(answer), usage)
		single := p.stream(t, iotest.OneByteReader(strings.NewReader(answer)), usage)
		if diff := cmp.Diff(whole, single, cmp.AllowUnexported(result{})); diff != "" {
			t.Errorf("single bytes differ from the whole (-whole +single):\n%s", diff)
		}
		ended := strings.HasSuffix(whole.answer, "data: [DONE]\n\n")
		broken := strings.Contains(whole.facts, `"error"`)
		if ended == broken {
			t.Errorf("terminator %v, error %v:\n%s\n%s", ended, broken, whole.answer, whole.facts)
		}
	})
}

func (p Player) stream(t *testing.T, r io.Reader, usage bool) result {
	t.Helper()
	request := `{"model":"smart","messages":[{"role":"user","content":"Hello?"}],"stream":true}`
	if usage {
		request = strings.TrimSuffix(request, "}") + `,"stream_options":{"include_usage":true}}`
	}
	_, out, err := p.prepare(request, "vendor-model")
	if err != nil {
		t.Fatal(err)
	}
	var got result
	got.answer, got.facts = playStream(out.Stream(r))
	return got
}
