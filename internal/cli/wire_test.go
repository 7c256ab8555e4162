package cli

import (
	"bytes"
	"context"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/mcpserver"
	"github.com/pgmcp/pgmcp/internal/observe"
)

// What pgmcp itself did wrong can be found in the log.
func TestInternalErrorNamesItsRequest(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	s := &service{chain: call.New(observe.Trace(log, mcpserver.Classify), call.Recover(log))}
	var id string
	_, err := do(t.Context(), s, mcpserver.Ask, func(ctx context.Context) (*int, error) {
		id = observe.RequestID(ctx)
		panic("no paper left")
	})
	reason, ok := err.(*mcpserver.Reason)
	if !ok || !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(id) || !strings.HasSuffix(reason.Hint, "request_id "+id) {
		t.Errorf("request %q, error %+v", id, reason)
	}
	if !strings.Contains(out.String(), "no paper left") {
		t.Errorf("the log:\n%s", out.String())
	}
}
