package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/mcpserver"
)

func (a *app) serve() *cobra.Command {
	var addrFile string
	cmd := &cobra.Command{
		Use:   "serve [CONFIG]",
		Short: "Serve the databases to MCP clients",
		Long: `Serve the databases of a configuration to MCP clients, over standard input and
output or over HTTP at /mcp, as the configuration says. It stops on INT or TERM,
after the calls in flight; on a second one, at once. On HUP, and when the
configuration has changed, it takes that up while it serves; HUP also rotates the
audit file.`,
		Args: configAnd(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, _ := configOf(cmd, args)
			return a.runServe(cmd.Context(), path, addrFile)
		},
	}
	configFlag(cmd)
	cmd.Flags().StringVar(&addrFile, "addr-file", "", "write the address to `FILE` once clients can connect (http)")
	return cmd
}

func (a *app) runServe(ctx context.Context, path, addrFile string) error {
	before := new(config.Config).Files(path, nil)
	cfg, err := loadConfig(path)
	if err != nil {
		return err
	}
	files := cfg.Files(path, before)
	stdio := cfg.Server.Transport == "stdio"
	if stdio && addrFile != "" {
		return &usageError{errors.New(`--addr-file: there is no address, for server.transport is "stdio"`)}
	}
	hangup, ignore := hangups()
	defer ignore()
	door, err := mcpserver.NewDoor(cfg.Server)
	if err != nil {
		return err
	}
	s, err := a.open(ctx, cfg, "", nil)
	if err != nil {
		return err
	}
	server := mcpserver.New(s.tools, s.chain, s.log.Logger)
	server.Admit(door)
	reload := &reloader{app: a, path: path, cfg: cfg, files: files, seen: files, service: s, server: server}
	defer reload.start(ctx, hangup)()
	drain := time.Duration(cfg.Server.Drain)
	if addr := cfg.Observability.Metrics.Listen; addr != "" {
		stop, err := s.showMetrics(addr)
		if err != nil {
			return err
		}
		defer stop()
	} else {
		server.ShowMetrics(s.meter.Handler())
	}
	usualGC()
	if stdio {
		return server.ServeStdio(ctx, a.stdin, a.stdout, drain)
	}

	ln, err := mcpserver.Listen(cfg.Server)
	if err != nil {
		return err
	}
	s.log.Info("listening", "url", "http://"+ln.Addr().String()+"/mcp")
	if addrFile != "" {
		if err := writeFile(addrFile, "http://"+ln.Addr().String()+"/mcp\n"); err != nil {
			ln.Close()
			return err
		}
	}
	return server.Serve(ctx, ln, drain)
}

// showMetrics shows the metrics at an address of their own, until stop is called.
func (s *service) showMetrics(addr string) (stop func(), err error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	s.log.Info("metrics", "url", "http://"+ln.Addr().String()+"/metrics")
	ctx, stop := context.WithCancel(context.Background()) // they are shown while calls are drained
	go func() {
		if err := mcpserver.ServeMetrics(ctx, ln, s.meter.Handler(), s.log.Logger); err != nil {
			s.log.Error("metrics are not shown any more", "error", err)
		}
	}()
	return stop, nil
}

// writeFile writes a file that is never seen half written.
func writeFile(name, text string) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return fmt.Errorf("write address: %w", err)
	}
	defer os.Remove(f.Name())
	if _, err := f.WriteString(text); err != nil {
		f.Close()
		return fmt.Errorf("write address: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write address: %w", err)
	}
	return os.Rename(f.Name(), name)
}
