// Package cli is pgmcp's command line, one file a command. It is the only place
// where the parts are put together.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/mcpserver"
)

// Exit codes.
const (
	exitYes     = 0
	exitNo      = 1 // the command ran and the answer is no: invalid, refused, failed
	exitMisused = 2 // the command line is wrong
)

// app is what every command works with.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

// Main runs the command line and returns the exit code.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin, stdout, stderr}
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitYes
	}
	if errors.Is(err, errNo) {
		return exitNo
	}
	if reason, ok := errors.AsType[*mcpserver.Reason](err); ok {
		line := "pgmcp: "
		for text := range strings.Lines(reason.Text()) {
			line += visible(strings.TrimRight(text, "\r\n")) + "\n"
		}
		fmt.Fprint(stderr, line)
		return exitNo
	}
	fmt.Fprintf(stderr, "pgmcp: %v\n", err)
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitMisused
	}
	return exitNo
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:                        "pgmcp",
		Short:                      "Answer questions about PostgreSQL databases, within limits you write down",
		Args:                       unknownCommand,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors:              true,
		SilenceUsage:               true,
		DisableFlagsInUseLine:      true,
		SuggestionsMinimumDistance: 2,
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.AddCommand(a.init())
	root.AddCommand(a.vet())
	root.AddCommand(a.schema())
	root.AddCommand(a.vet())
	root.AddCommand(a.schema())
	root.AddCommand(a.init())
	root.AddCommand(a.serve())
	root.AddCommand(a.demo())
	root.AddCommand(a.ask())
	root.AddCommand(a.sql())
	root.AddCommand(a.catalog())
	root.AddCommand(a.check())
	root.AddCommand(a.check())
	root.AddCommand(a.catalog())
	root.AddCommand(a.demo())
	root.AddCommand(a.version())
	misuse(root)
	return root
}

// misuse makes a usageError of everything that cobra finds wrong before a
// command begins; cobra has no type for that.
func misuse(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{fmt.Errorf("%w\nrun \"%s --help\"", err, cmd.CommandPath())}
	})
	if args := cmd.Args; args != nil {
		cmd.Args = func(cmd *cobra.Command, s []string) error {
			err := args(cmd, s)
			if _, ok := errors.AsType[*usageError](err); err == nil || ok {
				return err
			}
			return &usageError{fmt.Errorf("%w\nusage: %s", err, cmd.UseLine())}
		}
	}
	for _, sub := range cmd.Commands() {
		misuse(sub)
	}
}

// unknownCommand is the root's check of its arguments: what no command is named
// by, cobra takes for an argument of the root.
func unknownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("unknown command %q", args[0])
	for _, s := range root.SuggestionsFor(args[0]) {
		err = fmt.Errorf("%w\ndid you mean %q?", err, s)
	}
	return &usageError{err}
}

// load loads the configuration at path for a command that works by it.
func load(path string) (*config.Config, error) {
	cfg, err := config.Load(path)
	if invalid, ok := errors.AsType[*config.Invalid](err); ok {
		return nil, fmt.Errorf("invalid configuration\n%w", invalid)
	}
	return cfg, err
}

// isTerminal reports whether a person looks at w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// errNo is the error of a command that ran, has printed its answer, and the answer is no.
var errNo = errors.New("no")

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }
