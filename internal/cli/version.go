package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	pg_query "github.com/pganalyze/pg_query_go/v5"
	"github.com/spf13/cobra"
)

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print what this program was built from",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b := build()
			grammar, err := pg_query.Parse("select 1")
			if err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "pgmcp %s\n", b.version)
			fmt.Fprintf(a.stdout, "commit %s\n", cmp.Or(b.commit, "unknown"))
			fmt.Fprintf(a.stdout, "go %s %s/%s\n", strings.TrimPrefix(runtime.Version(), "go"), runtime.GOOS, runtime.GOARCH)
			fmt.Fprintf(a.stdout, "grammar PostgreSQL %d\n", grammar.Version/10_000)
			fmt.Fprintf(a.stdout, "protocol MCP %s\n", strings.Join(mcp.SupportedProtocolVersions(), ", "))
			return nil
		},
	}
}

// buildInfo is what the Go tool noted when it built this program.
type buildInfo struct{ version, commit string }

func build() buildInfo {
	b := buildInfo{version: "devel"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.version = v
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			b.commit = s.Value + b.commit
		case s.Key == "vcs.modified" && s.Value == "true":
			b.commit += " with changes"
		}
	}
	return b
}
