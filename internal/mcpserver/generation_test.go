package mcpserver

import (
	"context"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/pgmcp/pgmcp/internal/call"
)

// A call ends with the tools that it began with; when the last one has ended, what
// they need is given back, once, and no answer waits for that.
func TestCallsEndInTheirGeneration(t *testing.T) {
	old, young := &Tools{Version: "old"}, &Tools{Version: "young"}
	s := New(old, call.Chain{}, silent())
	given := 0
	var seen []string
	request := func() *mcp.CallToolRequest {
		return &mcp.CallToolRequest{Params: &mcp.CallToolParamsRaw{Name: Health}}
	}
	call := func(during func()) {
		_, err := s.call(t.Context(), request(), func(_ context.Context, tools *Tools, _ *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			during()
			seen = append(seen, tools.Version)
			return &mcp.CallToolResult{}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	answered := make(chan struct{})
	call(func() {
		call(func() {
			s.Replace(young, s.current.chain, func() {
				<-answered
				given++
			})
			call(func() {})
		})
		if s.ending > 0 {
			t.Error("what a call needs is given back before its end")
		}
	})
	close(answered)
	s.Wait()
	if got := seen; len(got) != 3 || got[0] != "young" || got[1] != "old" || got[2] != "old" || given != 1 {
		t.Errorf("calls ended in %q, and %d times was given back", got, given)
	}
	s.Replace(old, s.current.chain, func() { given++ })
	s.Wait()
	if given != 2 {
		t.Error("without a call under way nothing was given back")
	}
}
