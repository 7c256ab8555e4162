package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/mcpserver"
	"github.com/pgmcp/pgmcp/internal/postgres"
	"github.com/pgmcp/pgmcp/internal/verified"
)

// defaultConfig is the configuration of a command that is told no other.
const defaultConfig = "config.cue"

// configFlag adds the flag that names the configuration.
func configFlag(cmd *cobra.Command) {
	cmd.Flags().String("config", defaultConfig, "configuration `FILE`")
}

// configOf takes the configuration's path from the flag or, for a command whose
// first argument may be the configuration, from there.
func configOf(cmd *cobra.Command, args []string) (path string, rest []string) {
	flag := cmd.Flags().Lookup("config")
	if flag.Changed || len(args) == 0 {
		return flag.Value.String(), args
	}
	return args[0], args[1:]
}

// configAnd checks that there are no more arguments than a configuration, unless
// the flag names that, and others.
func configAnd(others int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		most := others
		if !cmd.Flags().Changed("config") {
			most++
		}
		return cobra.MaximumNArgs(most)(cmd, args)
	}
}

// dbFlag adds the flag that names a database. Shells complete it from the
// configuration, which may be the first argument if that is positional.
func dbFlag(cmd *cobra.Command, db *string, positional bool) {
	cmd.Flags().StringVar(db, "db", "", "database `NAME`; needed if the configuration has several")
	cmd.RegisterFlagCompletionFunc("db", func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if !positional {
			args = nil
		}
		path, _ := configOf(cmd, args)
		cfg, err := config.Load(path)
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

// readConfig reads the configuration at path. One that cannot be read is a
// mistake on the command line.
func readConfig(path string) (*config.Source, error) {
	source, err := config.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w\n\"pgmcp init\" writes one; name another with --config FILE", err)
	}
	if err != nil {
		return nil, &usageError{err}
	}
	return source, nil
}

// loadConfig loads the configuration at path for a command that works by it.
func loadConfig(path string) (*config.Config, error) {
	source, err := readConfig(path)
	if err != nil {
		return nil, err
	}
	cfg, err := source.Config()
	if err == nil {
		if problems := wrongQueries(source, cfg); len(problems) > 0 {
			err = &config.Invalid{Problems: problems}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("invalid configuration\n%w", err)
	}
	return cfg, nil
}

// wrongQueries are the verified queries of cfg that are wrong in themselves.
func wrongQueries(source *config.Source, cfg *config.Config) []config.Problem {
	var problems []config.Problem
	for _, name := range slices.Sorted(maps.Keys(cfg.Databases)) {
		_, wrong := verified.New(cfg.Databases[name].Queries)
		problems = append(problems, placed(source, name, wrong)...)
	}
	return problems
}

// placed are problems of a database's verified queries at their places in its
// file, in their order there.
func placed(source *config.Source, database string, wrong []verified.Problem) []config.Problem {
	var problems []config.Problem
	for _, p := range wrong {
		problems = append(problems, source.QueryProblem(database, p.Message, p.Hint, p.Position, p.Field...))
	}
	byPlace(problems)
	return problems
}

// byPlace puts problems into the order of the files.
func byPlace(problems []config.Problem) {
	slices.SortStableFunc(problems, func(a, b config.Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// loadFor loads the configuration at path and finds the database that db means.
func loadFor(path, db string) (cfg *config.Config, name string, err error) {
	cfg, err = loadConfig(path)
	if err != nil {
		return nil, "", err
	}
	name, err = postgres.Find(db, slices.Sorted(maps.Keys(cfg.Databases)))
	if err != nil {
		return nil, "", mcpserver.NewReason(err)
	}
	return cfg, name, nil
}

// alone is cfg with one of its databases only: the others need not be connected to.
func alone(cfg *config.Config, name string) *config.Config {
	one := *cfg
	one.Databases = map[string]config.Database{name: cfg.Databases[name]}
	return &one
}
