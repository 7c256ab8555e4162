package replay

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// A session is one MCP client's.
type session struct {
	*mcp.ClientSession
	wire   *tap
	stderr *tap // of a server over stdio
	close  func() error
}

func (s *scenario) mcpConnect(in invocation) error {
	args := in.args
	var options mcp.ClientSessionOptions
	if len(args) > 2 && args[0] == "-protocol" {
		options.ProtocolVersion, args = args[1], args[2:]
	}
	if len(args) < 2 {
		return errUsage
	}
	name, args := args[0], args[1:]
	if s.sessions[name] != nil {
		return fmt.Errorf("there is a session %s already", name)
	}
	ses := &session{wire: &tap{}, stderr: &tap{}}
	transport, err := s.transport(in.ctx, ses, args)
	if err != nil {
		return err
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "scenario", Version: "1"}, nil)
	ses.ClientSession, err = client.Connect(in.ctx, transport, &options)
	if err != nil {
		err = errors.Join(err, ses.close())
		in.stderr.Write(ses.stderr.bytes())
	}
	switch {
	case err != nil && in.not:
		fmt.Fprintln(in.stderr, err)
		return nil
	case err != nil:
		return fmt.Errorf("connect: %w", err)
	}
	end := ses.close
	ses.close = sync.OnceValue(func() error { return errors.Join(ses.ClientSession.Close(), end()) })
	s.sessions[name] = ses
	s.ts.Defer(func() {
		if err := ses.close(); err != nil {
			s.ts.Logf("close session %s: %v", name, err)
		}
		s.ts.Logf("[session %s stderr]\n%s", name, ses.stderr.bytes())
	})
	if in.not {
		return errors.New("it connected")
	}
	return nil
}

// transport is how to reach the server that args name; it sets what ends it.
func (s *scenario) transport(ctx context.Context, ses *session, args []string) (mcp.Transport, error) {
	if args[0] == "-http" {
		if len(args) != 2 {
			return nil, errUsage
		}
		endpoint, err := s.endpoint(args[1])
		if err != nil {
			return nil, err
		}
		base := http.DefaultTransport.(*http.Transport).Clone()
		ses.close = func() error { base.CloseIdleConnections(); return nil }
		return &mcp.StreamableClientTransport{
			Endpoint:   endpoint,
			HTTPClient: &http.Client{Transport: tapped{base, ses.wire}},
			MaxRetries: -1,
		}, nil
	}
	// The session outlives this command's context.
	cmd, err := s.program(context.WithoutCancel(ctx), args)
	if err != nil {
		return nil, err
	}
	return startServer(ses, cmd)
}

// startServer starts cmd as an MCP server over stdio.
func startServer(ses *session, cmd *exec.Cmd) (mcp.Transport, error) {
	cmd.Stderr = ses.stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ses.close = func() error {
		stdin.Close() // the protocol's way to say that it may go
		kill := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		defer kill.Stop()
		io.Copy(ses.wire, stdout) // Wait closes the pipe, so read first
		return cmd.Wait()
	}
	return &mcp.IOTransport{Reader: io.NopCloser(io.TeeReader(stdout, ses.wire)), Writer: stdin}, nil
}

// endpoint is the URL that arg is, or that its file holds. A bare address means /mcp there.
func (s *scenario) endpoint(arg string) (string, error) {
	if name, ok := strings.CutPrefix(arg, "@"); ok {
		text, err := s.read(name)
		if err != nil {
			return "", err
		}
		arg = strings.TrimSpace(string(text))
	}
	if !strings.Contains(arg, "://") {
		arg = "http://" + arg
	}
	u, err := url.Parse(arg)
	if err != nil {
		return "", err
	}
	u.Path = cmp.Or(strings.TrimSuffix(u.Path, "/"), "/mcp")
	return u.String(), nil
}

func (s *scenario) session(name string) (*session, error) {
	if ses := s.sessions[name]; ses != nil {
		return ses, nil
	}
	return nil, fmt.Errorf("there is no session %s, but %s", name, slices.Sorted(maps.Keys(s.sessions)))
}

func (s *scenario) mcpCall(in invocation) error {
	args := in.args
	text := len(args) > 0 && args[0] == "-text"
	if text {
		args = args[1:]
	}
	if len(args) == 2 {
		args = append(args, "{}")
	}
	if len(args) != 3 {
		return errUsage
	}
	ses, err := s.session(args[0])
	if err != nil {
		return err
	}
	if !json.Valid([]byte(args[2])) {
		return fmt.Errorf("the arguments are no JSON: %s", args[2])
	}
	ses.wire.reset()
	res, err := ses.CallTool(in.ctx, &mcp.CallToolParams{Name: args[1], Arguments: json.RawMessage(args[2])})
	if err != nil {
		// The protocol's own no, such as for a tool that does not exist, counts
		// as one; a broken connection never does.
		var no *jsonrpc.Error
		if in.not && errors.As(err, &no) {
			fmt.Fprintln(in.stderr, err)
			return nil
		}
		return err
	}
	if text {
		for _, c := range res.Content {
			if t, ok := c.(*mcp.TextContent); ok {
				fmt.Fprintln(in.stdout, t.Text)
			}
		}
	} else if structured := ses.wire.structured(); structured != nil {
		fmt.Fprintf(in.stdout, "%s\n", structured)
	}
	if res.IsError != in.not {
		return fmt.Errorf("isError is %v", res.IsError)
	}
	return nil
}

func (s *scenario) mcpTools(in invocation) error {
	if len(in.args) != 1 {
		return errUsage
	}
	ses, err := s.session(in.args[0])
	if err != nil {
		return err
	}
	for tool, err := range ses.Tools(in.ctx, nil) {
		if err != nil {
			return err
		}
		fmt.Fprintln(in.stdout, tool.Name)
	}
	return nil
}

func (s *scenario) mcpClose(in invocation) error {
	if len(in.args) != 1 {
		return errUsage
	}
	ses, err := s.session(in.args[0])
	if err != nil {
		return err
	}
	delete(s.sessions, in.args[0])
	err = ses.close()
	in.stderr.Write(ses.stderr.bytes())
	return err
}

// A tap keeps the bytes that passed. The SDK's client decodes numbers into
// floats; what the server really wrote is only on the wire.
type tap struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tap) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.Write(p)
}

func (t *tap) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Reset()
}

func (t *tap) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.buf.Bytes())
}

// structured is the structured content of the newest result that passed, or nil.
func (t *tap) structured() json.RawMessage {
	lines := bytes.Split(t.bytes(), []byte("\n"))
	for _, line := range slices.Backward(lines) {
		var message struct {
			Result struct {
				Structured json.RawMessage `json:"structuredContent"`
			} `json:"result"`
		}
		line = bytes.TrimPrefix(line, []byte("data: ")) // server-sent events
		if json.Unmarshal(line, &message) == nil && message.Result.Structured != nil {
			return message.Result.Structured
		}
	}
	return nil
}

// tapped is an http.RoundTripper that taps the bodies of responses.
type tapped struct {
	next http.RoundTripper
	wire *tap
}

func (t tapped) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(res.Body, t.wire), res.Body}
	return res, nil
}
