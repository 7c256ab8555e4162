package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/mcpserver"
	"github.com/pgmcp/pgmcp/internal/observe"
)

func (a *app) ask() *cobra.Command {
	var f clientFlags
	var record string
	cmd := &cobra.Command{
		Use:   "ask QUESTION",
		Short: "Answer a question in words, as the tool ask does",
		Long: `Answer a question in words, as the tool ask does. The exit code is 0 if there
is an answer with rows, and 1 if it is withheld, unclear or refused.`,
		Example: `  pgmcp ask "Which category earned most last month?" --db shop
  pgmcp ask "How many tickets are open?" --record golden`,
		Args: quoted("question"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runAsk(cmd, f, record, args[0])
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&record, "record", "", "write the model's replies to `DIR`, for llm.replay")
	return cmd
}

func (a *app) runAsk(cmd *cobra.Command, f clientFlags, record, question string) error {
	ctx := cmd.Context()
	format, err := f.formatFor(a)
	if err != nil {
		return err
	}
	cfg, err := f.load(cmd)
	if err != nil {
		return err
	}
	s, err := a.open(ctx, cfg, record, nil)
	if err != nil {
		return err
	}
	defer s.end()

	spin := startSpinner(a.stderr, !observe.IsTerminal(a.stderr))
	ans, err := do(ctx, s, mcpserver.Ask, func(ctx context.Context) (*answer.Answer, error) {
		return s.tools.Ask(ctx, mcpserver.AskArgs{Question: question, Database: f.db}, spin.show)
	})
	spin.end()
	if err != nil {
		return err
	}
	if err := a.printAnswer(format, ans); err != nil {
		return err
	}
	if ans.Result == nil {
		return errNo
	}
	return nil
}

// printAnswer prints an answer. As CSV it is its rows alone, and what else there
// is to say goes to standard error.
func (a *app) printAnswer(format string, ans *answer.Answer) error {
	switch {
	case format == "json":
		return a.printJSON(ans)
	case format == "csv":
		fmt.Fprint(a.stderr, about(ans))
	default:
		fmt.Fprint(a.stdout, about(ans))
	}
	if ans.Result == nil {
		return nil
	}
	if format != "csv" {
		fmt.Fprintln(a.stdout)
	}
	return a.printResult(format, ans.Result)
}

// about is all of an answer but its rows, in labelled lines.
func about(ans *answer.Answer) string {
	var b strings.Builder
	line := func(label string, texts ...string) {
		for _, text := range texts {
			if text != "" {
				fmt.Fprintf(&b, "%-11s %s\n", label+":", visible(text))
			}
		}
	}
	line("status", strings.ReplaceAll(string(ans.Status), "_", " "))
	line("message", ans.Message)
	if c := ans.Confidence; c != nil {
		line("confidence", fmt.Sprintf("%.2f (%s)", c.Score, c.Label))
		line("reason", c.Reasons...)
	}
	line("assumption", ans.Assumptions...)
	line("note", ans.Notes...)
	line("it reads", ans.Reading)
	if ans.Cached {
		line("cached", "no model was asked: the SQL was remembered")
	}
	if ans.SQL != "" {
		b.WriteString("sql:\n")
		for sql := range strings.Lines(ans.SQL) {
			fmt.Fprintf(&b, "  %s\n", visible(strings.TrimRight(sql, "\r\n")))
		}
	}
	return b.String()
}
