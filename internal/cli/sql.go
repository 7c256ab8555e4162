package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/mcpserver"
	"github.com/pgmcp/pgmcp/internal/observe"
	"github.com/pgmcp/pgmcp/internal/query"
)

func (a *app) sql() *cobra.Command {
	var f clientFlags
	cmd := &cobra.Command{
		Use:   "sql STATEMENT",
		Short: "Run a statement under the policy, as the tool execute_sql does",
		Example: `  pgmcp sql "select country, count(*) from customers group by 1" --db shop
  pgmcp sql "select * from orders" --format csv >orders.csv`,
		Args: quoted("statement"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runSQL(cmd, f, args[0])
		},
	}
	f.add(cmd)
	return cmd
}

func (a *app) runSQL(cmd *cobra.Command, f clientFlags, statement string) error {
	ctx := cmd.Context()
	format, err := f.formatFor(a)
	if err != nil {
		return err
	}
	cfg, err := f.load(cmd)
	if err != nil {
		return err
	}
	s, err := a.open(ctx, cfg, "", nil)
	if err != nil {
		return err
	}
	defer s.end()
	result, err := do(ctx, s, mcpserver.ExecuteSQL, func(ctx context.Context) (*query.Result, error) {
		return s.tools.ExecuteSQL(ctx, mcpserver.SQLArgs{SQL: statement, Database: f.db})
	})
	if err != nil {
		return err
	}
	return a.printResult(format, result)
}

// printResult prints rows. Where the format has no place for it, a person is
// told on standard error that there are more.
func (a *app) printResult(format string, r *query.Result) error {
	switch format {
	case "json":
		return a.printJSON(r)
	case "csv":
		if r.Truncated != "" {
			fmt.Fprintf(a.stderr, "pgmcp: %s%s\n", mcpserver.Count(r.RowCount, "row"), cutOff(r))
		}
		return printCSV(a.stdout, r)
	}
	return printTable(a.stdout, r)
}

// printJSON prints what a tool's structured content would be.
func (a *app) printJSON(v any) error {
	b, err := mcpserver.Encode(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s\n", b)
	return err
}

// clientFlags are the flags of the commands that do what an agent can do.
type clientFlags struct{ db, format string }

var formats = []string{"table", "json", "csv"}

func (f *clientFlags) add(cmd *cobra.Command) {
	configFlag(cmd)
	dbFlag(cmd, &f.db, false)
	cmd.Flags().StringVar(&f.format, "format", "", "print as `FORMAT`: table, json or csv (default table on a terminal, else json)")
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

func (f *clientFlags) formatFor(a *app) (string, error) {
	switch {
	case f.format == "" && observe.IsTerminal(a.stdout):
		return "table", nil
	case f.format == "":
		return "json", nil
	case !slices.Contains(formats, f.format):
		return "", &usageError{fmt.Errorf("unknown format %q: table, json or csv", f.format)}
	}
	return f.format, nil
}

// load loads the configuration for one call.
func (f *clientFlags) load(cmd *cobra.Command) (*config.Config, error) {
	path, _ := configOf(cmd, nil)
	cfg, name, err := loadFor(path, f.db)
	if err != nil {
		return nil, err
	}
	cfg = alone(cfg, name)
	quiet(cfg)
	return cfg, nil
}

// quiet makes of cfg a configuration for commands that say themselves how they
// ended: what they print anyway is not logged too.
func quiet(cfg *config.Config) {
	if cfg.Observability.Log.Level != "debug" {
		cfg.Observability.Log.Level = observe.Quiet
	}
}
