package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/mcpserver"
	"github.com/pgmcp/pgmcp/internal/query"
)

func (a *app) sql() *cobra.Command {
	var f clientFlags
	cmd := &cobra.Command{
		Use:   "sql STATEMENT",
		Short: "Run a statement under the policy, as the tool execute_sql does",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runSQL(cmd.Context(), f, args[0])
		},
	}
	f.add(cmd)
	return cmd
}

func (a *app) runSQL(ctx context.Context, f clientFlags, statement string) error {
	format, err := f.formatFor(a)
	if err != nil {
		return err
	}
	cfg, err := f.load()
	if err != nil {
		return err
	}
	s, err := a.open(ctx, cfg)
	if err != nil {
		return err
	}
	defer s.close()
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
			fmt.Fprintf(a.stderr, "pgmcp: %s%s\n", rowCount(r.RowCount), cutOff(r))
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
type clientFlags struct{ config, db, format string }

var formats = []string{"table", "json", "csv"}

func (f *clientFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.config, "config", "config.cue", "configuration `FILE`")
	cmd.Flags().StringVar(&f.db, "db", "", "database `NAME`; needed if the configuration has several")
	cmd.Flags().StringVar(&f.format, "format", "", "table, json or csv (default table on a terminal, else json)")
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	cmd.RegisterFlagCompletionFunc("db", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		cfg, err := config.Load(f.config)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var names []cobra.Completion
		for _, name := range slices.Sorted(maps.Keys(cfg.Databases)) {
			names = append(names, cobra.CompletionWithDesc(name, cfg.Databases[name].Description))
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
}

func (f *clientFlags) formatFor(a *app) (string, error) {
	switch {
	case f.format == "" && isTerminal(a.stdout):
		return "table", nil
	case f.format == "":
		return "json", nil
	case !slices.Contains(formats, f.format):
		return "", &usageError{fmt.Errorf("unknown format %q: table, json or csv", f.format)}
	}
	return f.format, nil
}

// load loads the configuration for one call: only the database it is for is
// connected to, and what the command prints anyway is not logged too.
func (f *clientFlags) load() (*config.Config, error) {
	cfg, err := load(f.config)
	if err != nil {
		return nil, err
	}
	if _, ok := cfg.Databases[f.db]; ok {
		maps.DeleteFunc(cfg.Databases, func(name string, _ config.Database) bool { return name != f.db })
	}
	if cfg.Observability.Log.Level != "debug" {
		cfg.Observability.Log.Level = "error"
	}
	return cfg, nil
}
