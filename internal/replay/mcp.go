package replay

import (
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

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// A session is one MCP client's.
type session struct {
	*mcp.ClientSession
	wire   *tap
	stderr *tap      // of a server over stdio
	call   *toolCall // in flight; or nil
	close  func() error
}

func (s *scenario) mcpConnect(in invocation) error {
	args := in.args
	var options mcp.ClientSessionOptions
	if len(args) > 2 && args[0] == "-protocol" {
		options.ProtocolVersion, args = args[1], args[2:]
	}
	header := http.Header{}
	for len(args) > 2 && args[0] == "-header" {
		name, value, ok := strings.Cut(args[1], ": ")
		if !ok {
			return errUsage
		}
		header.Add(name, value)
		args = args[2:]
	}
	if len(args) < 2 || len(header) > 0 && args[1] != "-http" {
		return errUsage
	}
	name, args := args[0], args[1:]
	if s.sessions[name] != nil {
		return fmt.Errorf("there is a session %s already", name)
	}
	ses := &session{wire: &tap{}, stderr: &tap{}}
	transport, err := s.transport(in.ctx, ses, header, args)
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
	ses.close = sync.OnceValue(func() error {
		if ses.call != nil {
			ses.call.cancel()
		}
		return errors.Join(ses.ClientSession.Close(), end())
	})
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

// transport is how to reach the server that args name, over HTTP with a header; it
// sets what ends it.
func (s *scenario) transport(ctx context.Context, ses *session, header http.Header, args []string) (mcp.Transport, error) {
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
			HTTPClient: &http.Client{Transport: tapped{base, ses.wire, header}},
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

func (s *scenario) mcpTools(in invocation) error {
	v, args := viewed(in.args, jsonView)
	if len(args) != 1 {
		return errUsage
	}
	ses, err := s.session(args[0])
	if err != nil {
		return err
	}
	var tools []*mcp.Tool
	for tool, err := range ses.Tools(in.ctx, nil) {
		if err != nil {
			return err
		}
		tools = append(tools, tool)
	}
	if v == jsonView {
		e := json.NewEncoder(in.stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(tools)
	}
	for _, tool := range tools {
		fmt.Fprintln(in.stdout, tool.Name)
	}
	return nil
}

func (s *scenario) mcpStderr(in invocation) error {
	if len(in.args) != 1 {
		return errUsage
	}
	ses, err := s.session(in.args[0])
	if err != nil {
		return err
	}
	_, err = in.stdout.Write(ses.stderr.bytes())
	return err
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
