package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/pgmcp/pgmcp/internal/demo"
)

func (a *app) demo() *cobra.Command {
	var o demo.Options
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show pgmcp at work on two databases of made data",
		Long: `Show pgmcp at work on two databases of made data: what it answers, what it
refuses and what it withholds. PostgreSQL is taken from PGMCP_DEMO_POSTGRES (a
superuser's URL), a container, local binaries, or it is installed; nothing is
left running.

Model answers come with the demo. With OPENAI_API_KEY set a real model is asked:
OPENAI_MODEL (default gpt-4o) at OPENAI_BASE_URL (default OpenAI's).`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Question == "" && cmd.Flags().Changed("db") {
				return &usageError{errors.New("--db goes with --question")}
			}
			return a.runDemo(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.Keep, "keep", false, "leave the databases up until Ctrl-C, for a client to connect")
	cmd.Flags().StringVar(&o.Question, "question", "", "ask only this `QUESTION`, which needs a real model")
	cmd.Flags().StringVar(&o.Database, "db", "shop", "ask about database `NAME`: shop or desk")
	return cmd
}

func (a *app) runDemo(ctx context.Context, o demo.Options) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find pgmcp itself: %w", err)
	}
	o.Program = program
	o.Postgres = os.Getenv("PGMCP_DEMO_POSTGRES")
	if os.Getenv("OPENAI_API_KEY") != "" {
		o.Model = &demo.Model{
			BaseURL: cmp.Or(os.Getenv("OPENAI_BASE_URL"), "https://api.openai.com/v1"),
			Name:    cmp.Or(os.Getenv("OPENAI_MODEL"), "gpt-4o"),
		}
	}
	o.Stdout, o.About, o.Table = a.stdout, about, printTable
	return demo.Run(ctx, o)
}
