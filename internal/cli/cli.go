// Package cli is pgmcp's command line, one file a command. It is the only place
// where the parts are put together.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
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
	var misuse *usageError
	switch {
	case err == nil:
		return exitYes
	case errors.Is(err, errNo): // the command has said why
		return exitNo
	case errors.As(err, &misuse):
		fmt.Fprintf(stderr, "pgmcp: %v\n", err)
		return exitMisused
	default:
		fmt.Fprintf(stderr, "pgmcp: %v\n", err)
		return exitNo
	}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "pgmcp",
		Short:         "Answer questions about PostgreSQL databases, within limits you write down",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.AddCommand()
	return root
}

// errNo is the error of a command that ran, has printed its answer, and the answer is no.
var errNo = errors.New("no")

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }
