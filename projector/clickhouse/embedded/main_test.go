package embedded_test

import (
	"testing"

	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/embeddedtest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }
