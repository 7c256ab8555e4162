package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/mcpserver"
	"github.com/pgmcp/pgmcp/internal/observe"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/replay"
)

func (a *app) replay() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay PATH...",
		Short: "Run scenarios: what must be answered and what refused, on a real PostgreSQL",
		Long: `Run the scenarios at PATH, .txtar files or folders of them: scripts that load
databases, serve them with this pgmcp, talk to it as clients do, and say what
must come out. Each has databases of its own, made from templates.

A scenario may run any program, as you: run only files that you trust.

PostgreSQL is the first of these that there is:
  1. the server at --postgres
  2. without --image, the first of the URLs in PGMCP_TEST_POSTGRES
  3. a container of --image, else of the first image in PGMCP_TEST_IMAGE, else
     of the first in PGMCP_TEST_IMAGES, else of postgres:17
  4. a server started from local binaries, the newest; its data are in /dev/shm
     where 4 GiB are free there and TMPDIR names no other place
A server that is named must answer; an image that is named must start where there
is a container engine, and any with PGMCP_REQUIRE_CONTAINER=1. Nothing is
installed. Standard error says which one it is.

The last line is "N passed, N failed, N skipped".`,
		Example: `  pgmcp replay scenarios
  pgmcp replay scenarios --run guard/ --verbose
  pgmcp replay scenarios --format junit >report.xml
  pgmcp replay --help-script`,
		Args: func(cmd *cobra.Command, args []string) error {
			if f.helpScript {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.MinimumNArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.helpScript {
				replay.Help(a.stdout)
				return nil
			}
			if cmd.Flags().Changed("config") && !f.record {
				return &usageError{errors.New("--config goes with --record")}
			}
			f.config, _ = configOf(cmd, nil)
			return a.runReplay(cmd.Context(), args, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.postgres, "postgres", "", "superuser's `URL` of a server to make databases on; scenarios that need a server of their own are skipped")
	flags.StringVar(&f.image, "image", "", "container `IMAGE` to start (default PGMCP_TEST_IMAGE, or postgres:17)")
	flags.StringVar(&f.run, "run", "", "only scenarios whose FOLDER/NAME matches `REGEXP`")
	flags.BoolVar(&f.list, "list", false, "print the scenarios, and run none")
	flags.IntVar(&f.parallel, "parallel", 2*runtime.GOMAXPROCS(0), "run `N` scenarios at a time")
	flags.StringVar(&f.format, "format", "text", "report as text, json or junit")
	flags.StringVar(&f.golden, "golden", "", "`FOLDER` that scenarios compare with (default the nearest folder \"golden\" above each)")
	flags.BoolVar(&f.update, "update", false, "rewrite what scenarios compare with, where they pass otherwise")
	flags.BoolVar(&f.record, "record", false, "ask the model of the configuration what \"model golden\" stands for, and write its answers")
	configFlag(cmd)
	flags.Lookup("config").Usage = "with --record, the configuration `FILE` that names the model"
	flags.BoolVar(&f.keep, "keep", false, "leave databases and work folders for a look, until Ctrl-C if the server is not yours")
	flags.BoolVar(&f.verbose, "verbose", false, "print the transcripts of scenarios that pass, too")
	flags.BoolVar(&f.coverage, "coverage", false, "name the tools, codes, statuses and settings that no scenario touched")
	flags.BoolVar(&f.helpScript, "help-script", false, "explain the commands of scenarios")
	return cmd
}

type replayFlags struct {
	postgres, image               string
	run, format, golden, config   string
	list, update, record, keep    bool
	verbose, coverage, helpScript bool
	parallel                      int
}

func (a *app) runReplay(ctx context.Context, paths []string, f replayFlags) error {
	files, err := f.find(paths)
	if err != nil {
		return err
	}
	if f.list {
		for _, file := range files {
			fmt.Fprintln(a.stdout, replay.Name(file))
		}
		return nil
	}
	model, err := f.model()
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find pgmcp itself: %w", err)
	}
	start := time.Now()
	server, err := pgtest.Start(ctx, pgtest.Options{URL: f.postgres, Image: f.image, Log: a.stderr})
	if err != nil && ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	spin := startSpinner(a.stderr, !observe.IsTerminal(a.stderr))
	spin.show(fmt.Sprintf("%d scenarios", len(files)))
	suite := replay.Suite{
		Options: replay.Options{
			Server:  server,
			Golden:  f.golden,
			Record:  model,
			Update:  f.update,
			Program: program,
			Verbose: f.verbose,
			Keep:    f.keep,
		},
		Files:    files,
		Parallel: f.parallel,
		Progress: func(done int, c replay.Counts) {
			spin.show(fmt.Sprintf("%d of %d scenarios, %d failed", done, len(files), c.Failed))
		},
	}
	results := suite.Run(ctx)
	spin.end()
	var unused []string
	var unread error
	if f.run == "" && len(results) == len(files) {
		if f.golden != "" { // named, so it is these scenarios' wherever it is
			paths = append(paths, f.golden)
		}
		unused, unread = replay.Unused(paths, results)
	}
	report := replay.Report{
		Server:   server.String(),
		Results:  results,
		Coverage: surface().Cover(results),
		Unused:   unused,
		Elapsed:  time.Since(start),
	}
	err = errors.Join(f.write(a.stdout, a.stderr, report), unread)
	if err == nil && len(results) < len(files) {
		err = fmt.Errorf("interrupted: %d scenarios did not run", len(files)-len(results))
	}
	if f.keep && server.Source() != "url" && err == nil {
		fmt.Fprintf(a.stderr, "PostgreSQL stays at %s until Ctrl-C.\n", server.URL())
		<-ctx.Done()
	}
	if err := errors.Join(err, server.Close()); err != nil {
		return err
	}
	if report.Counts().Failed > 0 {
		return errNo
	}
	return nil
}

// find lists the scenarios at the paths that the flags ask for.
func (f replayFlags) find(paths []string) ([]string, error) {
	if !slices.Contains([]string{"text", "json", "junit"}, f.format) {
		return nil, &usageError{fmt.Errorf("unknown format %q: text, json or junit", f.format)}
	}
	if f.parallel < 1 {
		return nil, &usageError{errors.New("--parallel must be at least 1")}
	}
	only, err := regexp.Compile(f.run)
	if err != nil {
		return nil, &usageError{fmt.Errorf("--run: %w", err)}
	}
	files, err := replay.Find(paths...)
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, &usageError{err}
	}
	if err != nil {
		return nil, err
	}
	all := len(files)
	files = slices.DeleteFunc(files, func(file string) bool { return !only.MatchString(replay.Name(file)) })
	if len(files) == 0 {
		return nil, fmt.Errorf("none of the %d scenarios matches --run %q", all, f.run)
	}
	return files, nil
}

// model is the one whose answers are recorded, or nil.
func (f replayFlags) model() (*config.LLM, error) {
	if !f.record {
		return nil, nil
	}
	cfg, err := loadConfig(f.config)
	if err != nil {
		return nil, err
	}
	if cfg.LLM == nil || cfg.LLM.Replay != "" {
		return nil, fmt.Errorf("%s names no model whose answers could be recorded", f.config)
	}
	return cfg.LLM, nil
}

// write writes the report. What is for programs has standard output for itself.
func (f replayFlags) write(stdout, stderr io.Writer, r replay.Report) error {
	switch f.format {
	case "json", "junit":
		fmt.Fprintln(stderr, r.Counts())
		if f.format == "json" {
			return r.JSON(stdout)
		}
		return r.JUnit(stdout)
	}
	return r.Text(stdout, f.verbose, f.coverage)
}

// surface is what scenarios can touch of this pgmcp.
func surface() replay.Surface {
	all := replay.Surface{Tools: mcpserver.ToolNames(), Codes: mcpserver.Codes(), Settings: config.Leaves()}
	for _, s := range answer.Statuses() {
		all.Statuses = append(all.Statuses, string(s))
	}
	return all
}
