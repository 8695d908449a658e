package vendors

import (
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// AdapterFor makes the adapter of a kind behind these clients.
func AdapterFor(kind string, clients map[provider.Dialect]chat.Client) provider.Vendor {
	info, _ := Lookup(kind)
	return adapter(info, clients)
}
