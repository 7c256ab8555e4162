package cli

import (
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
	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/mcpserver"
	"github.com/pgmcp/pgmcp/internal/policy"
	"github.com/pgmcp/pgmcp/internal/postgres"
	"github.com/pgmcp/pgmcp/internal/query"
	"github.com/pgmcp/pgmcp/internal/verified"
)

func (a *app) vet() *cobra.Command {
	var f vetFlags
	cmd := &cobra.Command{
		Use:   "vet [CONFIG]",
		Short: "Say everything that is wrong with a configuration",
		Long: `Check a configuration, a file or a folder of .cue files, and print each problem
on a line of its own: file:line:column: setting: message (hint). It connects to
nothing unless --connect is given. "pgmcp schema" prints what a configuration may
hold.

Verified queries are checked for their form and grammar; with --catalog they are
also held against the policy, as when they run, and with --connect planned too.

The exit code is 1 if there is any problem but warnings, 2 if the configuration
cannot be read.`,
		Args: configAnd(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.format != "text" && f.format != "json" {
				return &usageError{fmt.Errorf("unknown format %q: text or json", f.format)}
			}
			if f.db != "" && f.catalog == "" {
				return &usageError{errors.New("--db says which database --catalog is of, and that is not given")}
			}
			path, _ := configOf(cmd, args)
			return a.runVet(cmd.Context(), path, f)
		},
	}
	configFlag(cmd)
	cmd.Flags().StringVar(&f.format, "format", "text", "print as `FORMAT`: text or json")
	cmd.Flags().BoolVar(&f.secrets, "secrets", false, "also read each secret, without showing it, and check that database URLs are such")
	cmd.Flags().BoolVar(&f.connect, "connect", false, "also read the secrets and connect to each database: can it be reached, may its role do more than it should, does each pattern match anything, is each verified query allowed")
	dbFlag(cmd, &f.db, true)
	cmd.Flags().StringVar(&f.catalog, "catalog", "", "hold the verified queries of a database against the policy over the catalog in `FILE`, written by \"pgmcp catalog\"")
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

type vetFlags struct {
	format           string
	secrets, connect bool
	db, catalog      string
}

// vetReport is what vet finds, as JSON.
type vetReport struct {
	Valid     bool             `json:"valid"`
	Databases int              `json:"databases"` // 0 if not valid
	Problems  []config.Problem `json:"problems"`
}

// valid reports whether there is no problem but warnings.
func (r *vetReport) valid() bool {
	return !slices.ContainsFunc(r.Problems, func(p config.Problem) bool { return !p.Warning })
}

func (a *app) runVet(ctx context.Context, path string, f vetFlags) error {
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
		r.Problems = append(r.Problems, wrongQueries(source, cfg)...)
		r.Problems = append(r.Problems, doubtful(source, cfg)...)
		if f.secrets || f.connect {
			r.Problems = append(r.Problems, unreadable(source, cfg)...)
		}
		if f.connect {
			r.Problems = append(r.Problems, unserved(ctx, source, cfg)...)
		}
		if f.catalog != "" && r.valid() {
			p, _, err := policyFor(ctx, path, f.db, f.catalog)
			if err != nil {
				return err
			}
			r.Problems = append(r.Problems, refusedQueries(ctx, source, cfg, p, nil)...)
		}
		byPlace(r.Problems)
	}
	if r.Valid = r.valid(); r.Valid {
		r.Databases = len(cfg.Databases)
	}
	if f.format == "json" {
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

// refusedQueries are the verified queries of a database that its policy refuses
// or, unless runner is nil, that the database itself cannot plan.
func refusedQueries(ctx context.Context, source *config.Source, cfg *config.Config, p *policy.Policy, runner *query.Runner) []config.Problem {
	var plan func(guard.Statement) error
	if runner != nil {
		plan = func(s guard.Statement) error {
			if _, err := runner.Plan(ctx, s); err != nil {
				r := mcpserver.NewReason(err)
				return &guard.Refusal{Code: guard.Code(r.Code), Message: r.Message, Position: r.Position, Hint: r.Hint}
			}
			return nil
		}
	}
	set, _ := verified.New(cfg.Databases[p.Database].Queries)
	return placed(source, p.Database, set.Check(p, plan))
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
	if cfg.LLM != nil && cfg.LLM.Judge != nil && cfg.LLM.Judge.APIKey != nil {
		if _, err := cfg.LLM.Judge.APIKey.Reveal(); err != nil {
			problems = append(problems, source.Problem(err.Error(), "", "llm", "judge", "api_key"))
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
	databases, err := postgres.Open(context.WithoutCancel(ctx), &readable, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return []config.Problem{source.Problem(err.Error(), "", "databases")}
	}
	defer databases.Close()
	runner := query.NewRunner(databases, call.Chain{})
	var problems []config.Problem
	catalogs := map[string]*catalog.Catalog{}
	for _, name := range databases.Names(ctx) {
		db, _ := databases.Get(ctx, name) // it is among the names
		p, err := db.Policy(ctx)
		if err != nil {
			reason := mcpserver.NewReason(err)
			problems = append(problems, source.Problem(reason.Message, reason.Hint, "databases", name, "url"))
			continue
		}
		catalogs[name] = p.Catalog
		problems = append(problems, refusedQueries(ctx, source, cfg, p, runner)...)
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
