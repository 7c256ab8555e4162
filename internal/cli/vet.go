package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/mcpserver"
	"github.com/pgmcp/pgmcp/internal/policy"
	"github.com/pgmcp/pgmcp/internal/postgres"
)

func (a *app) vet() *cobra.Command {
	var format string
	var secrets, connect bool
	cmd := &cobra.Command{
		Use:   "vet [CONFIG]",
		Short: "Say everything that is wrong with a configuration",
		Long: `Check a configuration, a file or a folder of .cue files, and print each problem
on a line of its own: file:line:column: setting: message (hint). It connects to
nothing unless --connect is given. "pgmcp schema" prints what a configuration may
hold.

The exit code is 1 if there is any problem but warnings, 2 if the configuration
cannot be read.`,
		Args: configAnd(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return &usageError{fmt.Errorf("unknown format %q: text or json", format)}
			}
			path, _ := configOf(cmd, args)
			return a.runVet(cmd.Context(), path, format, secrets, connect)
		},
	}
	configFlag(cmd)
	cmd.Flags().StringVar(&format, "format", "text", "print as `FORMAT`: text or json")
	cmd.Flags().BoolVar(&secrets, "secrets", false, "also read each secret, without showing it, and check that database URLs are such")
	cmd.Flags().BoolVar(&connect, "connect", false, "also read the secrets and connect to each database: can it be reached, may its role do more than it should, does each pattern match anything")
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// vetReport is what vet finds, as JSON.
type vetReport struct {
	Valid     bool             `json:"valid"`
	Databases int              `json:"databases"` // 0 if not valid
	Problems  []config.Problem `json:"problems"`
}

func (a *app) runVet(ctx context.Context, path, format string, secrets, connect bool) error {
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
	default:
		r.Problems = append(r.Problems, doubtful(source, cfg)...)
		if secrets || connect {
			r.Problems = append(r.Problems, unreadable(source, cfg)...)
		}
		if connect {
			r.Problems = append(r.Problems, unserved(ctx, source, cfg)...)
		}
		inOrder(r.Problems)
	}
	r.Valid = !slices.ContainsFunc(r.Problems, func(p config.Problem) bool { return !p.Warning })
	if r.Valid {
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
	for _, p := range r.Problems {
		if _, err := fmt.Fprintln(a.stdout, visible(p.String())); err != nil {
			return err
		}
	}
	if !r.Valid {
		return nil
	}
	_, err := fmt.Fprintf(a.stdout, "%s is valid: %s\n", path, mcpserver.Count(r.Databases, "database"))
	return err
}

// doubtful are the calibration of cfg, if it cannot be used, and what no answer
// can achieve with it or without one.
func doubtful(source *config.Source, cfg *config.Config) []config.Problem {
	var problems []config.Problem
	warn := func(setting, message, hint string) {
		p := source.Problem(message, hint, "answers", setting)
		p.Warning = true
		problems = append(problems, p)
	}
	k, err := answer.LoadCalibration(cfg)
	if err != nil {
		return append(problems, source.Problem(err.Error(), "", "answers", "calibration"))
	}
	var unmeasured []string
	highest := 0.0
	for _, name := range slices.Sorted(maps.Keys(cfg.Databases)) {
		highest = max(highest, answer.Highest(cfg, k, name))
		if k != nil && k.Databases[name] == 0 {
			unmeasured = append(unmeasured, name)
		}
	}
	if len(unmeasured) > 0 {
		warn("calibration", "it was not measured on "+strings.Join(unmeasured, ", ")+", where scores stay uncalibrated", "")
	}
	if t := cfg.Answers.ConfidenceThreshold; cfg.LLM != nil && t > highest {
		hint := ""
		if k == nil {
			hint = `"pgmcp eval --calibrate" can lift that`
		}
		warn("confidence_threshold", fmt.Sprintf("a model's answer reaches at most %v here, so every one will be withheld", highest), hint)
	}
	return problems
}

// unreadable are the secrets of cfg that cannot be read, and the databases whose
// secret is no URL. No problem holds a secret.
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
	return problems
}

// unserved connects to the databases whose secrets can be read, and finds what is
// wrong with them, with their roles, and with what cfg says of what is in them.
func unserved(ctx context.Context, source *config.Source, cfg *config.Config) []config.Problem {
	readable := *cfg
	readable.Databases = maps.Clone(cfg.Databases)
	maps.DeleteFunc(readable.Databases, func(_ string, db config.Database) bool {
		secret, err := db.URL.Reveal()
		if err == nil {
			_, err = pgxpool.ParseConfig(secret)
		}
		return err != nil
	})
	databases, err := postgres.Open(context.WithoutCancel(ctx), &readable, slog.New(slog.DiscardHandler))
	if err != nil {
		return []config.Problem{source.Problem(err.Error(), "", "databases")}
	}
	defer databases.Close()
	var problems []config.Problem
	catalogs := map[string]*catalog.Catalog{}
	for _, name := range databases.Names() {
		db, _ := databases.Get(name) // it is among the names
		p, err := db.Policy(ctx)
		if err != nil {
			reason := mcpserver.NewReason(err)
			problems = append(problems, source.Problem(reason.Message, reason.Hint, "databases", name, "url"))
			continue
		}
		catalogs[name] = p.Catalog
		if warnings := db.Role().Warnings(); len(warnings) > 0 {
			problems = append(problems, source.Problem("its role "+strings.Join(warnings, ", "), postgres.GrantsHint(name), "databases", name, "url"))
		}
	}
	for _, u := range policy.FindUnmatched(cfg, catalogs) {
		hint := ""
		if u.Nearest != "" {
			hint = fmt.Sprintf("did you mean %q?", u.Nearest)
		}
		problems = append(problems, source.ElementProblem(u.Text, fmt.Sprintf("%q matches nothing", u.Text), hint, u.Setting...))
	}
	return problems
}

// inOrder sorts problems in the order of the files.
func inOrder(problems []config.Problem) {
	slices.SortStableFunc(problems, func(a, b config.Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
