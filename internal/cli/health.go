package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/llm"
	"github.com/pgmcp/pgmcp/internal/mcpserver"
)

func (a *app) health() *cobra.Command {
	var format string
	var model bool
	cmd := &cobra.Command{
		Use:   "health [CONFIG]",
		Short: "Say how each database is, as the tool health does",
		Long: `Say how each database is, as the tool health does, asking them from here.

The exit code is 0 if all is well, 1 if no database works, 2 if the command line
is wrong, and 3 if something works and something does not.`,
		Example: `  pgmcp health config.cue --model
  pgmcp health --format json`,
		Args: configAnd(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, _ := configOf(cmd, args)
			return a.runHealth(cmd.Context(), path, format, model)
		},
	}
	configFlag(cmd)
	cmd.Flags().StringVar(&format, "format", "table", "print as `FORMAT`: table or json")
	cmd.Flags().BoolVar(&model, "model", false, "ask the model's server too, for its list of models")
	return cmd
}

// A healthReport is what health prints as JSON.
type healthReport struct {
	*mcpserver.HealthReport
	Model *modelHealth `json:"model,omitempty"` // nil: not asked
}

type modelHealth struct {
	Status string `json:"status"` // "ok" or "down"
	Error  string `json:"error,omitempty"`
}

func (a *app) runHealth(ctx context.Context, path, format string, model bool) error {
	if format != "table" && format != "json" {
		return &usageError{fmt.Errorf("unknown format %q: table or json", format)}
	}
	cfg, err := loadConfig(path)
	if err != nil {
		return err
	}
	if model && cfg.LLM == nil {
		return &usageError{errors.New("--model: the configuration names no model")}
	}
	report, err := a.examine(ctx, cfg, model)
	if err != nil {
		return err
	}
	if format == "json" {
		err = a.printJSON(report)
	} else {
		err = a.printHealth(report)
	}
	if err != nil {
		return err
	}
	return report.verdict()
}

// examine asks every database how it is and, if model is set, the model's server.
func (a *app) examine(ctx context.Context, cfg *config.Config, model bool) (*healthReport, error) {
	quiet(cfg)
	cfg.Observability.Audit = nil // nothing of a database is read, and the server may be writing it
	s, err := a.open(ctx, cfg, "", nil)
	if err != nil {
		return nil, err
	}
	defer s.end()
	report := &healthReport{}
	var asking sync.WaitGroup
	if model {
		report.Model = &modelHealth{Status: "ok"}
		asking.Go(func() {
			if err := llm.Reach(ctx, cfg.LLM); err != nil {
				*report.Model = modelHealth{"down", err.Error()}
			}
		})
	}
	for _, name := range s.databases.Names(ctx) {
		db, err := s.databases.Get(ctx, name)
		if err != nil {
			return nil, err
		}
		asking.Go(func() { _, _ = db.Policy(ctx) }) // what hinders it, the report says
	}
	asking.Wait()
	report.HealthReport, err = do(ctx, s, mcpserver.Health, func(ctx context.Context) (*mcpserver.HealthReport, error) {
		return s.tools.Health(ctx, mcpserver.NoArgs{})
	})
	return report, err
}

// verdict is nil if all is well.
func (r *healthReport) verdict() error {
	switch {
	case r.Status == "down":
		return errNo
	case r.Status == "degraded", r.Model != nil && r.Model.Status == "down":
		return errPartly
	}
	return nil
}

func (a *app) printHealth(r *healthReport) error {
	text := mcpserver.HealthText(r.HealthReport)
	if r.Model != nil {
		text += "\nmodel: " + r.Model.Status
		if r.Model.Error != "" {
			text += ": " + r.Model.Error
		}
	}
	var out strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		out.WriteString(visible(line) + "\n")
	}
	_, err := io.WriteString(a.stdout, out.String())
	return err
}
