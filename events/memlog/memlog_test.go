package memlog_test

import (
	"testing"

	"github.com/llm-hub/llm-hub/events/logtest"
	"github.com/llm-hub/llm-hub/events/memlog"
)

func TestConformance(t *testing.T) {
	logtest.Run(t, func(*testing.T) logtest.Log { return memlog.New() })
}
