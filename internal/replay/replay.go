// Package replay runs scenario scripts: it gives testscript the commands that a
// scenario needs to load databases, serve them and talk to them as a client
// does. It judges nothing itself; what must come out is written in the script.
//
// A scenario may start any program, so only trusted files are run.
package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/pgtest"
)

// Options are what scenarios run with.
type Options struct {
	Server *pgtest.Server // on which databases are made
	Golden string         // folder of the "golden" command; empty: the nearest one above the scenario
	Record *config.LLM    // the model whose answers "model golden" writes; nil: it says what is written
	Update bool           // rewrite what "cmp" and "golden" find different, if all else is well

	// Program is the pgmcp that "exec pgmcp" means, an absolute path; empty: the
	// first one on PATH.
	Program string

	Verbose bool // keep the transcript of phases that passed
	Keep    bool // leave the databases and the work folder, and say where they are

	// Timeout is how long one scenario may take; 0 means two minutes.
	Timeout time.Duration
}

// Status is how a scenario ended.
type Status string

// The ways in which a scenario ends.
const (
	Pass Status = "pass"
	Fail Status = "fail"
	Skip Status = "skip"
)

// A Result is what became of one scenario.
type Result struct {
	Name    string // FOLDER/NAME
	Status  Status
	Elapsed time.Duration
	Log     string   // the transcript, or why it was skipped
	Kept    []string // what was left for a look: the work folder, then URLs of databases
	Touched Surface  // without settings: Cover finds them in the configurations

	configs [][]byte        // texts of the configurations in the archive
	golden  string          // the folder
	goldens map[string]bool // files in it that the scenario has a use for
	opaque  bool            // it may use others too
}

// Run runs the scenario in file, a txtar archive whose comment is the script. The
// end of ctx fails the command that is under way.
func Run(ctx context.Context, o Options, file string) Result {
	r := Result{Name: Name(file), Status: Fail}
	start := time.Now()
	s, err := newScenario(ctx, o, file)
	if err == nil {
		err = s.runIn(file, &r)
	}
	if err != nil {
		r.Status = Fail
		r.Log += err.Error() + "\n"
	}
	r.Elapsed = time.Since(start)
	return r
}

// runIn runs the scenario in file and fills in the result.
func (s *scenario) runIn(file string, r *Result) error {
	if s.own {
		server, err := s.options.Server.Another(s.ctx)
		if errors.Is(err, pgtest.ErrGiven) {
			r.Status, r.Log = Skip, "it needs a server of its own: "+err.Error()+"\n"
			return nil
		}
		if err != nil {
			return fmt.Errorf("start a server of its own: %w", err)
		}
		defer func() {
			if err := server.Close(); err != nil {
				r.Log += err.Error() + "\n"
			}
		}()
		s.server = server
	}
	script := file
	if s.options.Update {
		copied, err := s.copyScript(file)
		if err != nil {
			return err
		}
		defer os.RemoveAll(filepath.Dir(copied))
		script = copied
	}
	p := testscript.Params{
		Files:               []string{script},
		Setup:               s.setup,
		Cmds:                s.commands(),
		Condition:           s.condition,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       s.options.Update,
		Deadline:            time.Now().Add(cmp.Or(s.options.Timeout, 2*time.Minute)),
	}
	if s.options.Keep {
		var err error
		if p.WorkdirRoot, err = os.MkdirTemp("", "pgmcp-replay-"); err != nil {
			return err
		}
	}
	done := make(chan struct{})
	go func() { // its own goroutine, which FailNow and Skip end by Goexit
		defer close(done)
		testscript.RunT(&tester{r, s.options.Verbose}, p)
		r.Status = Pass
	}()
	<-done
	r.Touched, r.Kept, r.configs = s.touched.surface(), s.kept, s.configs
	r.golden, r.goldens, r.opaque = s.options.Golden, s.goldens, s.opaque
	if s.options.Update && r.Status == Pass {
		return s.update(file, script)
	}
	return nil
}

// tester is the T of one scenario: it fills in the result.
type tester struct {
	result  *Result
	verbose bool
}

func (t *tester) Run(_ string, f func(testscript.T)) { f(t) }
func (t *tester) Parallel()                          {}
func (t *tester) Verbose() bool                      { return t.verbose }
func (t *tester) FailNow()                           { runtime.Goexit() }
func (t *tester) Fatal(a ...any)                     { t.Log(a...); t.FailNow() }

func (t *tester) Log(a ...any) {
	if t.result.Status == Skip {
		return
	}
	t.result.Log += strings.TrimRight(fmt.Sprint(a...), "\n") + "\n"
}

// Skip keeps the reason alone: the transcript up to there, which follows, is of no use.
func (t *tester) Skip(a ...any) {
	t.result.Status = Skip
	t.result.Log = strings.TrimSpace(fmt.Sprint(a...)) + "\n"
	runtime.Goexit()
}
