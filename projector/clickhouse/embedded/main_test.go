package embedded_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded"
	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/embeddedtest"
)

// parentVariable makes the test binary a parent that the test may kill: it starts an engine as the variable says, prints
// its pid and waits for ever.
const parentVariable = "TEST_ENGINE_PARENT"

func TestMain(m *testing.M) {
	if text := os.Getenv(parentVariable); text != "" {
		err := beParent(text)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	embeddedtest.Main(m)
}

func beParent(text string) error {
	var cfg embedded.Config
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		return err
	}
	e, err := embedded.Start(context.Background(), cfg)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, e.State().PID)
	select {}
}
