package providertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

// Update adds the flag -update to a test binary; call it once, at package level.
func Update() *bool {
	return flag.Bool("update", false, "write the transcripts' expected sections anew")
}

// Player plays transcripts.
type Player struct {
	Parse  func(body []byte) (*provider.Inbound, error) // the client's dialect
	Vendor func() provider.Vendor                       // a fresh adapter whose ids and clock are fixed
	Update bool
	// Valid checks every answer that the client gets; nil: any is good.
	Valid func(in *provider.Inbound, answer string) error
}

// Preparing is a vendor of which one ability is played in place of its chats.
func Preparing(v provider.Vendor, prepare func(*provider.Inbound, provider.Target) (*provider.Outbound, error)) provider.Vendor {
	return able{v, prepare}
}

type able struct {
	provider.Vendor
	prepare func(*provider.Inbound, provider.Target) (*provider.Outbound, error)
}

func (a able) Prepare(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	return a.prepare(in, t)
}

// Key is the vendor's secret in every transcript; it may show up nowhere but in
// the header for the vendor.
const Key = "sk-canary-0123456789"

// facts is what the gateway must know of an answer.
type facts struct {
	Usage  *events.Usage `json:"usage"`
	Output int64         `json:"output,omitempty"` // estimate
	Finish string        `json:"finish,omitempty"`
	Error  string        `json:"error,omitempty"`
	Param  string        `json:"param,omitempty"`
}

// result is what came of playing a transcript.
type result struct{ request, answer, facts string }

// Play plays every transcript of dir, one subtest each.
func (p Player) Play(t *testing.T, dir string) {
	for _, tr := range load(t, dir) {
		t.Run(strings.TrimSuffix(filepath.Base(tr.path), ".txt"), func(t *testing.T) {
			got := p.play(t, tr, func(r io.Reader) io.Reader { return r })
			for name, chunking := range chunkings() {
				if diff := cmp.Diff(got, p.play(t, tr, chunking), cmp.AllowUnexported(result{})); diff != "" {
					t.Errorf("%s differ from the whole (-whole +%s):\n%s", name, name, diff)
				}
			}
			if p.Update {
				tr.set(sectionVendorRequest, got.request)
				tr.set(sectionClientAnswer, got.answer)
				tr.set(sectionFacts, got.facts)
				tr.save(t)
			}
			for _, s := range []section{
				{sectionVendorRequest, got.request}, {sectionClientAnswer, got.answer}, {sectionFacts, got.facts},
			} {
				if diff := cmp.Diff(tr.get(s.name), s.text); diff != "" {
					t.Errorf("%s (-want +got):\n%s", s.name, diff)
				}
				if strings.Contains(s.text, Key) {
					t.Errorf("%s has the vendor's secret in it", s.name)
				}
			}
		})
	}
}

func chunkings() map[string]func(io.Reader) io.Reader {
	return map[string]func(io.Reader) io.Reader{
		"single bytes": iotest.OneByteReader, "halves": iotest.HalfReader, "data with the end": iotest.DataErrReader,
	}
}

func (p Player) play(t *testing.T, tr transcript, chunking func(io.Reader) io.Reader) result {
	t.Helper()
	in, out, err := p.prepare(tr.get(sectionClientRequest), tr.get(sectionModel))
	if err != nil {
		return result{facts: factsOf(provider.Progress{}, err)}
	}
	if out.Content != nil {
		body, size := out.Content()
		if out.Body, err = io.ReadAll(body); err != nil || int64(len(out.Body)) != size {
			t.Errorf("the body has %d bytes of %d: %v", len(out.Body), size, err)
		}
	}
	got := result{request: out.Method + " " + out.URL + "\n" + pretty(out.Body)}
	if out.Stream != nil {
		got.answer, got.facts = playStream(out.Stream(chunking(strings.NewReader(tr.vendorAnswer()))))
		p.validate(t, in, got.answer)
		return got
	}
	reply, err := out.Unary([]byte(tr.vendorAnswer()))
	if got.answer = pretty(reply.Body); err == nil {
		p.validate(t, in, got.answer)
	}
	got.facts = factsOf(provider.Progress{Usage: reply.Usage, Output: reply.Output, Finish: reply.Finish}, err)
	if reply.Counted != nil {
		got.facts += "\ncounted " + factsOf(provider.Progress{Usage: reply.Counted}, nil)
	}
	return got
}

func (p Player) validate(t *testing.T, in *provider.Inbound, answer string) {
	t.Helper()
	if p.Valid == nil {
		return
	}
	if err := p.Valid(in, answer); err != nil {
		t.Error(err)
	}
}

func (p Player) prepare(request, model string) (*provider.Inbound, *provider.Outbound, error) {
	in, err := p.Parse([]byte(request))
	if err != nil {
		return nil, nil, err
	}
	if model == "" {
		model = "vendor-model"
	}
	out, err := p.Vendor().Prepare(in, provider.Target{BaseURL: "https://vendor.test/v1", APIKey: Key, Model: model})
	return in, out, err
}

// playStream pulls a stream to its end and closes it as the gateway does.
func playStream(s provider.Stream) (answer, known string) {
	var b bytes.Buffer
	for {
		chunk, err := s.Next()
		b.Write(chunk)
		switch {
		case err == nil:
			continue
		case errors.Is(err, io.EOF):
			cost := int64(1_234_000)
			b.Write(s.Trailer(provider.Bill{Request: "req-1", CostNanoUSD: &cost}))
			err = nil
		default:
			b.Write(s.Abort(gateway.AsError(err)))
		}
		return b.String(), factsOf(s.Progress(), err)
	}
}

func factsOf(p provider.Progress, err error) string {
	f := facts{Usage: p.Usage, Output: p.Output, Finish: p.Finish}
	if err != nil {
		f.Error, f.Param = err.Error(), gateway.AsError(err).Param
	}
	b, err := json.Marshal(f)
	if err != nil {
		return err.Error()
	}
	return pretty(b)
}

// pretty indents JSON and leaves all else.
func pretty(body []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, body, "", "  ") != nil {
		return string(body)
	}
	return b.String()
}
