// Package cli is pgmcp's command line, one file a command. It is the only place
// where the parts are put together.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pgmcp/pgmcp/internal/mcpserver"
)

// Exit codes.
const (
	exitYes     = 0
	exitNo      = 1 // the command ran and the answer is no: invalid, refused, failed
	exitMisused = 2 // the command line is wrong, or names a file that cannot be read
	exitPartly  = 3 // some of what was asked for works
)

// app is what every command works with.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

// Main runs the command line and returns the exit code.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	lateGC()
	a := &app{stdin, stdout, stderr}
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitYes
	}
	switch {
	case errors.Is(err, errNo):
		return exitNo
	case errors.Is(err, errPartly):
		return exitPartly
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
		Use:   "pgmcp",
		Short: "Answer questions about PostgreSQL databases, within limits you write down",
		Long: `Answer questions about PostgreSQL databases, in words or in SQL, within limits
that you write down in one file: as an MCP server, or here.

Commands that work by a configuration take it as an argument or with --config,
and ` + defaultConfig + ` without either.

The exit code is 0 for yes, 1 for no (invalid, refused, failed), and 2 if the
command line is wrong or names a file that cannot be read; health has a 3 too.`,
		Example: `  pgmcp demo
  pgmcp init postgres://reader@db.example/shop
  pgmcp vet config.cue
  pgmcp serve config.cue
  pgmcp sql "select count(*) from orders" --db shop`,
		Version:                    build().version,
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
	root.SetVersionTemplate("pgmcp {{.Version}}\n")
	root.Flags().Bool("version", false, "print the version")
	group := func(id, title string, commands ...*cobra.Command) {
		root.AddGroup(&cobra.Group{ID: id, Title: title})
		for _, cmd := range commands {
			cmd.GroupID = id
			root.AddCommand(cmd)
		}
	}
	group("begin", "Begin:", a.demo(), a.init(), a.vet(), a.serve())
	group("try", "Try what an agent can do:", a.sql(), a.ask(), a.check(), a.catalog(), a.grants(), a.health())
	group("test", "Test it:", a.replay(), a.eval())
	group("else", "Else:", a.audit(), a.schema(), a.version())
	root.SetCompletionCommandGroupID("else")
	root.SetHelpCommandGroupID("else")
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
	return &usageError{fmt.Errorf("%w\nrun \"%s --help\"", err, root.CommandPath())}
}

// quoted checks that there is one argument, and knows what happened if the
// shell made several of it.
func quoted(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("give the %s as one argument, in quotes", what)
		}
		return cobra.ExactArgs(1)(cmd, args)
	}
}

// errNo is the error of a command that ran, has printed its answer, and the answer is no.
var errNo = errors.New("no")

// errPartly is the error of a command that ran, has printed its answer, and the
// answer is neither yes nor no.
var errPartly = errors.New("partly")

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }
