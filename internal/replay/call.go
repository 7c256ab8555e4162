package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// A toolCall is one that a session has in flight.
type toolCall struct {
	cancel context.CancelFunc
	done   chan struct{} // closed once there are result and err
	result *mcp.CallToolResult
	err    error
}

// A view is the option that says what is printed: of a call, its structured
// content unless given.
type view string

const (
	textView     view = "-text"
	progressView view = "-progress"
	jsonView     view = "-json"
)

// viewed takes the view, which must be among those allowed, from the arguments.
func viewed(args []string, allowed ...view) (view, []string) {
	for _, v := range allowed {
		if len(args) > 0 && args[0] == string(v) {
			return v, args[1:]
		}
	}
	return "", args
}

func (s *scenario) mcpCall(in invocation) error {
	v, args := viewed(in.args, textView, progressView)
	ses, err := s.startCall(args, v == progressView)
	if err != nil {
		return err
	}
	return s.finishCall(ses, in, v)
}

func (s *scenario) mcpStart(in invocation) error {
	_, err := s.startCall(in.args, false)
	return err
}

func (s *scenario) mcpWait(in invocation) error {
	v, args := viewed(in.args, textView)
	ses, err := s.calling(args)
	if err != nil {
		return err
	}
	return s.finishCall(ses, in, v)
}

func (s *scenario) mcpCancel(in invocation) error {
	ses, err := s.calling(in.args)
	if err != nil {
		return err
	}
	ses.call.cancel()
	if _, err := ses.endCall(in.ctx); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("the call was over already, with error %v", err)
	}
	return nil
}

// startCall calls a tool in the background; args are SESSION TOOL [JSON].
func (s *scenario) startCall(args []string, progress bool) (*session, error) {
	if len(args) == 2 {
		args = append(args, "{}")
	}
	if len(args) != 3 {
		return nil, errUsage
	}
	ses, err := s.session(args[0])
	if err != nil {
		return nil, err
	}
	if ses.call != nil {
		return nil, fmt.Errorf("session %s has a call in flight", args[0])
	}
	if !json.Valid([]byte(args[2])) {
		return nil, fmt.Errorf("the arguments are no JSON: %s", args[2])
	}
	params := &mcp.CallToolParams{Name: args[1], Arguments: json.RawMessage(args[2])}
	if progress {
		params.SetProgressToken("scenario")
	}
	s.touched.tools[args[1]] = true
	ses.wire.reset()
	// The call outlives this command; closing the session ends it.
	ctx, cancel := context.WithCancel(context.Background())
	call := &toolCall{cancel: cancel, done: make(chan struct{})}
	ses.call = call
	go func() {
		defer close(call.done)
		call.result, call.err = ses.CallTool(ctx, params)
	}()
	return ses, nil
}

// calling is the session that args name, which must have a call in flight.
func (s *scenario) calling(args []string) (*session, error) {
	if len(args) != 1 {
		return nil, errUsage
	}
	ses, err := s.session(args[0])
	if err == nil && ses.call == nil {
		err = fmt.Errorf("session %s has no call in flight", args[0])
	}
	return ses, err
}

// endCall waits for the end of the call that is in flight.
func (ses *session) endCall(ctx context.Context) (*mcp.CallToolResult, error) {
	call := ses.call
	select {
	case <-call.done:
		call.cancel()
		ses.call = nil
		return call.result, call.err
	case <-ctx.Done():
		return nil, fmt.Errorf("the call is not over: %w", ctx.Err())
	}
}

// finishCall waits for the end of the call and prints what came of it.
func (s *scenario) finishCall(ses *session, in invocation, v view) error {
	result, err := ses.endCall(in.ctx)
	if err != nil {
		// The protocol's own no, such as for a tool that does not exist, counts
		// as one; a broken connection never does.
		if _, ok := errors.AsType[*jsonrpc.Error](err); ok && in.not {
			fmt.Fprintln(in.stderr, err)
			return nil
		}
		return err
	}
	structured := ses.wire.structured()
	s.touched.read(structured)
	switch v {
	case textView:
		for _, c := range result.Content {
			if t, ok := c.(*mcp.TextContent); ok {
				fmt.Fprintln(in.stdout, t.Text)
			}
		}
	case progressView:
		for _, note := range ses.wire.progress() {
			fmt.Fprintln(in.stdout, note)
		}
	default:
		if structured != nil {
			fmt.Fprintf(in.stdout, "%s\n", structured)
		}
	}
	if result.IsError != in.not {
		return fmt.Errorf("isError is %v", result.IsError)
	}
	return nil
}
