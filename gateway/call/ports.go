package call

import (
	"context"

	"github.com/llm-hub/llm-hub/gateway/admit"
)

// Admitter keeps our own limits. [*admit.Admitter] does.
type Admitter interface {
	// Admit takes the estimate from every limit, or from none and tells which refused.
	Admit(ctx context.Context, r admit.Request) (*admit.Reservation, *admit.Refusal)
}
