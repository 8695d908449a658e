package front

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/chdb"
)

// killInterval is the pause between two attempts to kill a statement: it may not have begun yet, or may not look.
const killInterval = 100 * time.Millisecond

// killer ends running statements from a connection of its own. The C API gives a statement no id, so each one is tagged
// through the setting log_comment, which begins with the id.
type killer struct {
	mu      sync.Mutex
	session Session
}

// tag is the log_comment of the statement with this id.
func tag(id, comment string) string { return id + " " + comment }

// watch kills the statement with this id when either context ends. The returned function ends the watch; it waits, so
// that the connection may be closed after it.
func (k *killer) watch(client, server context.Context, id string) (end func()) {
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-done:
			return
		case <-client.Done():
		case <-server.Done():
		}
		k.killUntil(done, id)
	})
	return func() {
		close(done)
		watching.Wait()
	}
}

func (k *killer) killUntil(done <-chan struct{}, id string) {
	ticker := time.NewTicker(killInterval)
	defer ticker.Stop()
	for {
		k.kill(id)
		select {
		case <-done:
			return
		case <-ticker.C:
		}
	}
}

// kill asks once. A refusal is met by asking again.
func (k *killer) kill(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	sql := "KILL QUERY WHERE startsWith(Settings['log_comment'], " + quoteString(tag(id, "")) + ") ASYNC"
	_ = k.session.Run(chdb.Statement{SQL: sql, Format: "Null"}, io.Discard)
}

// ask runs a question with a one-word answer.
func ask(session Session, question string) (string, error) {
	var answer bytes.Buffer
	err := session.Run(chdb.Statement{SQL: question, Format: "TabSeparatedRaw"}, &answer)
	return strings.TrimSpace(answer.String()), err
}
