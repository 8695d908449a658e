package openai_test

import (
	"testing"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
)

var update = providertest.Update()

const transcripts = "testdata/transcripts"

func player() providertest.Player {
	return providertest.Player{
		Parse:  openai.ParseChat,
		Vendor: func() provider.Vendor { return openai.Vendor{} },
		Update: *update,
	}
}

func TestTranscripts(t *testing.T) { player().Play(t, transcripts) }

func FuzzStream(f *testing.F) { player().Fuzz(f, transcripts) }
