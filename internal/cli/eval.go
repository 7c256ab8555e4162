package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/eval"
	"github.com/pgmcp/pgmcp/internal/mcpserver"
	"github.com/pgmcp/pgmcp/internal/observe"
)

// evalFlags are the flags of eval.
type evalFlags struct {
	db, format, record, calibrate string
	target                        float64
	limit                         int
}

var evalFormats = []string{"table", "json"}

func (a *app) eval() *cobra.Command {
	var f evalFlags
	cmd := &cobra.Command{
		Use:   "eval CASES [CONFIG]",
		Short: "Measure how many questions are answered rightly, and what confidences are worth",
		Long: `Ask the questions of a case file and compare the rows of each answer with those
of the SQL that the file gives as right, on the same data. Case files are SQL:

  -- question: Which cities have more than 100 customers?
  -- database: shop
  select city from customers group by city having count(*) > 100;
  -- or
  select city, count(*) from customers group by city having count(*) > 100;

  -- question: Who is our tallest customer?
  -- unanswerable

"-- ordered" before the SQL makes the order of the rows count. All of that SQL is
held against the policy and run before a model is asked anything.

--calibrate fits a calibration to the answers and writes it to a file, which
answers.calibration can name: confidences are then probabilities. It takes at
least 100 answers, none of them of replies that were written by hand.

The exit code is 1 if the case file is wrong, if a case could not be evaluated,
if the answers do not allow a calibration, or if no threshold reaches the target.`,
		Example: `  pgmcp eval cases.sql --db shop
  pgmcp eval cases.sql --record golden --calibrate calibration.json --target-accuracy 0.9`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, rest := configOf(cmd, args[1:])
			if len(rest) > 0 {
				return &usageError{errors.New("the configuration is named twice")}
			}
			return a.runEval(cmd.Context(), f, args[0], path)
		},
	}
	configFlag(cmd)
	dbFlag(cmd, &f.db, false)
	flags := cmd.Flags()
	flags.Lookup("db").Usage = "only the cases of database `NAME`, and those that name none"
	flags.StringVar(&f.format, "format", "", "print as `FORMAT`: table or json (default table on a terminal, else json)")
	flags.StringVar(&f.calibrate, "calibrate", "", "fit a calibration and write it to `FILE`")
	flags.Float64Var(&f.target, "target-accuracy", 0, "propose a threshold at which this `SHARE` of the answers is right, such as 0.9")
	flags.IntVar(&f.limit, "limit", 0, "ask only the first `N` questions")
	flags.StringVar(&f.record, "record", "", "write the model's replies to `DIR`, for llm.replay")
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(evalFormats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// check finds what is wrong with the flags, and fills in the format.
func (f *evalFlags) check(cmdline *app) error {
	switch {
	case f.format == "" && observe.IsTerminal(cmdline.stdout):
		f.format = "table"
	case f.format == "":
		f.format = "json"
	}
	switch {
	case !slices.Contains(evalFormats, f.format):
		return &usageError{fmt.Errorf("unknown format %q: table or json", f.format)}
	case f.target < 0 || f.target > 1:
		return &usageError{fmt.Errorf("--target-accuracy %v: it is a share, from 0 to 1", f.target)}
	case f.limit < 0:
		return &usageError{fmt.Errorf("--limit %d: it is a number of questions", f.limit)}
	}
	return nil
}

func (a *app) runEval(ctx context.Context, f evalFlags, file, path string) error {
	if err := f.check(a); err != nil {
		return err
	}
	cfg, err := f.load(path)
	if err != nil {
		return err
	}
	cases, err := f.cases(file, cfg)
	if err != nil {
		return err
	}
	s, err := a.open(ctx, cfg, f.record, nil)
	if err != nil {
		return err
	}
	defer s.end()
	model := eval.NewTally(s.model)
	outcomes, err := a.evaluate(ctx, s, cases, cfg, model)
	if err != nil {
		return err
	}
	report := eval.NewReport(outcomes, model.Replies(), cfg, f.target)
	var unfit error
	if f.calibrate != "" {
		if report.Fit, unfit = eval.Calibrate(outcomes, model.Replies(), cfg.LLM, time.Now().UTC().Format(time.DateOnly), f.target); unfit == nil {
			unfit = report.Fit.Calibration.Write(f.calibrate)
		}
	}
	if f.format == "json" {
		err = a.printJSON(report)
	} else {
		err = a.printLines(report.Text())
	}
	switch {
	case err != nil:
		return err
	case unfit != nil:
		return fmt.Errorf("no calibration: %w", unfit)
	case report.Failed > 0, missed(report):
		return errNo
	}
	return nil
}

// missed reports whether the wanted accuracy is not reached: after calibration,
// if there is one.
func missed(r *eval.Report) bool {
	p := r.Proposal
	if r.Fit != nil {
		p = r.Fit.Proposal
	}
	return p != nil && !p.Reached
}

// load loads the configuration for one evaluation, with the database that was
// asked for, or with all.
func (f *evalFlags) load(path string) (*config.Config, error) {
	var cfg *config.Config
	var name string
	var err error
	if f.db == "" {
		cfg, err = loadConfig(path)
	} else if cfg, name, err = loadFor(path, f.db); err == nil {
		cfg = alone(cfg, name)
	}
	switch {
	case err != nil:
		return nil, err
	case cfg.LLM == nil:
		return nil, fmt.Errorf("%s names no model that could be asked: set llm", path)
	}
	quiet(cfg)
	if f.calibrate != "" {
		cfg.Answers.Calibration = "" // the old one may be of another model; that is why
	}
	return cfg, nil
}

// cases reads the cases that are to be evaluated.
func (f *evalFlags) cases(file string, cfg *config.Config) ([]eval.Case, error) {
	cases, err := eval.ReadCases(file)
	if err == nil {
		cases, err = eval.On(cases, f.db, slices.Sorted(maps.Keys(cfg.Databases)))
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, &usageError{err}
	}
	if err != nil {
		return nil, wrongCases(err)
	}
	if f.limit > 0 {
		cases = cases[:min(f.limit, len(cases))]
	}
	if n := len(cases); f.calibrate != "" && n < answer.MinCalibration {
		return nil, fmt.Errorf("no calibration on %s: at least %d are needed", mcpserver.Count(n, "question"), answer.MinCalibration)
	}
	return cases, nil
}

// wrongCases is an error of a case file, if it is one, as such.
func wrongCases(err error) error {
	if _, ok := errors.AsType[*config.Invalid](err); ok {
		return fmt.Errorf("wrong case file\n%w", err)
	}
	return err
}

// printLines prints text that holds what others wrote, such as questions.
func (a *app) printLines(text string) error {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(visible(strings.TrimRight(line, "\n")) + "\n")
	}
	_, err := fmt.Fprint(a.stdout, &b)
	return err
}

// evaluate checks the cases and then asks their questions, and shows a person
// how far it is.
func (a *app) evaluate(ctx context.Context, s *service, cases []eval.Case, cfg *config.Config, model *eval.Tally) ([]eval.Outcome, error) {
	spin := startSpinner(a.stderr, !observe.IsTerminal(a.stderr))
	defer spin.end()
	r := eval.Runner{
		Pipeline: answer.NewPipeline(cfg, s.databases, s.tools.Runner, model).Calibrated(s.calibration),
		Query:    s.tools.Runner,
		Parallel: parallel(cfg),
	}
	r.Progress = func(ended int) { spin.show("checking cases " + bar(ended, len(cases))) }
	if err := r.Verify(ctx, cases); err != nil {
		if _, ok := errors.AsType[*config.Invalid](err); ok {
			return nil, wrongCases(err)
		}
		return nil, mcpserver.NewReason(err)
	}
	r.Progress = func(ended int) { spin.show("asking " + bar(ended, len(cases))) }
	return r.Run(ctx, cases)
}

// parallel is how many questions are asked at the same time: few, for the sake
// of the model's rate limit, and no more than have connections.
func parallel(cfg *config.Config) int {
	n := 4
	for _, db := range cfg.Databases {
		n = min(n, db.Pool.Max)
	}
	return n
}

// bar shows how much of the whole is done.
func bar(done, whole int) string {
	const width = 30
	full := width * done / max(whole, 1)
	return fmt.Sprintf("%s%s %d of %d", strings.Repeat("█", full), strings.Repeat("░", width-full), done, whole)
}
