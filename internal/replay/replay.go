// Package replay runs scenario scripts: it gives testscript the commands that a
// scenario needs to load databases, serve them and talk to them as a client
// does. It judges nothing itself; what must come out is written in the script.
//
// A scenario may start any program, so only trusted files are run.
package replay

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pgmcp/pgmcp/internal/pgtest"
)

// Options are what scenarios run with.
type Options struct {
	Server  *pgtest.Server // on which databases are made
	Golden  string         // folder of the "golden" command
	Update  bool           // rewrite what "cmp" and "golden" find different, if all else is well
	Verbose bool           // keep the transcript of phases that passed

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
	Log     string // the transcript, or why it was skipped
}

// Name is what the scenario in file is called: its folder and its name.
func Name(file string) string {
	return filepath.Base(filepath.Dir(file)) + "/" + strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
}

// Run runs the scenario in file, a txtar archive whose comment is the script.
// "exec pgmcp" in it is the pgmcp that is first on PATH.
func Run(o Options, file string) Result {
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Minute
	}
	r := Result{Name: Name(file), Status: Fail}
	start := time.Now()
	s, err := newScenario(o, file)
	if err != nil {
		r.Log = err.Error()
		return r
	}
	script := file
	if o.Update {
		copied, err := s.copyScript(file)
		if err != nil {
			r.Log = err.Error()
			return r
		}
		defer os.RemoveAll(filepath.Dir(copied))
		script = copied
	}
	done := make(chan struct{})
	go func() { // its own goroutine, which FailNow and Skip end by Goexit
		defer close(done)
		testscript.RunT(&tester{&r, o.Verbose}, testscript.Params{
			Files:               []string{script},
			Setup:               s.setup,
			Cmds:                s.commands(),
			Condition:           s.condition,
			RequireExplicitExec: true,
			RequireUniqueNames:  true,
			UpdateScripts:       o.Update,
			Deadline:            start.Add(o.Timeout),
		})
		r.Status = Pass
	}()
	<-done
	if o.Update && r.Status == Pass {
		if err := s.update(file, script); err != nil {
			r.Status = Fail
			r.Log += err.Error()
		}
	}
	r.Elapsed = time.Since(start)
	return r
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
	t.result.Log += strings.TrimRight(fmt.Sprint(a...), "\n") + "\n"
}

func (t *tester) Skip(a ...any) {
	t.Log(a...)
	t.result.Status = Skip
	runtime.Goexit()
}

// Files are the scenarios below dir, which holds folders of them, sorted.
func Files(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.txtar"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no scenarios in %s: %w", dir, os.ErrNotExist)
	}
	return files, nil
}
