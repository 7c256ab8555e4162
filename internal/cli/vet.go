package cli

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/mcpserver"
)

func (a *app) vet() *cobra.Command {
	var format string
	var secrets bool
	cmd := &cobra.Command{
		Use:   "vet [CONFIG]",
		Short: "Say everything that is wrong with a configuration",
		Long: `Check a configuration, a file or a folder of .cue files, and print each problem
on a line of its own: file:line:column: setting: message (hint). It connects to
nothing. "pgmcp schema" prints what a configuration may hold.

The exit code is 1 if there is any problem, 2 if the configuration cannot be read.`,
		Args: configAnd(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return &usageError{fmt.Errorf("unknown format %q: text or json", format)}
			}
			path, _ := configOf(cmd, args)
			return a.runVet(path, format, secrets)
		},
	}
	configFlag(cmd)
	cmd.Flags().StringVar(&format, "format", "text", "print as `FORMAT`: text or json")
	cmd.Flags().BoolVar(&secrets, "secrets", false, "also read each secret, without showing it, and check that database URLs are such")
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// vetReport is what vet finds, as JSON.
type vetReport struct {
	Valid     bool             `json:"valid"`
	Databases int              `json:"databases"` // 0 if not valid
	Problems  []config.Problem `json:"problems"`
}

func (a *app) runVet(path, format string, secrets bool) error {
	source, err := readConfig(path)
	if err != nil {
		return err
	}
	r := vetReport{Problems: []config.Problem{}}
	cfg, err := source.Config()
	switch invalid, ok := errors.AsType[*config.Invalid](err); {
	case ok:
		r.Problems = invalid.Problems
	case err != nil:
		return err
	case secrets:
		r.Problems = append(r.Problems, unreadable(source, cfg)...)
	}
	if r.Valid = len(r.Problems) == 0; r.Valid {
		r.Databases = len(cfg.Databases)
	}
	if format == "json" {
		err = a.printJSON(r)
	} else {
		err = a.printVet(path, r)
	}
	if err == nil && !r.Valid {
		return errNo
	}
	return err
}

func (a *app) printVet(path string, r vetReport) error {
	if r.Valid {
		_, err := fmt.Fprintf(a.stdout, "%s is valid: %s\n", path, mcpserver.Count(r.Databases, "database"))
		return err
	}
	for _, p := range r.Problems {
		if _, err := fmt.Fprintln(a.stdout, visible(p.String())); err != nil {
			return err
		}
	}
	return nil
}

// unreadable are the secrets of cfg that cannot be read, and the databases whose
// secret is no URL, in the order of the files. No problem holds a secret.
func unreadable(source *config.Source, cfg *config.Config) []config.Problem {
	var problems []config.Problem
	for _, name := range slices.Sorted(maps.Keys(cfg.Databases)) {
		url := cfg.Databases[name].URL
		if secret, err := url.Reveal(); err != nil {
			problems = append(problems, source.Problem(err.Error(), "", "databases", name, "url"))
		} else if _, err := pgxpool.ParseConfig(secret); err != nil { // quotes the URL
			problems = append(problems, source.Problem(url.String()+" holds no PostgreSQL URL",
				`it looks like "postgres://user:password@host:5432/database", with special letters of a password as %XX`, "databases", name, "url"))
		}
	}
	if cfg.LLM != nil && cfg.LLM.APIKey != nil {
		if _, err := cfg.LLM.APIKey.Reveal(); err != nil {
			problems = append(problems, source.Problem(err.Error(), "", "llm", "api_key"))
		}
	}
	slices.SortStableFunc(problems, func(a, b config.Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return problems
}
