// Package demo shows pgmcp at work on two databases of made data: what it
// answers, what it refuses and what it withholds, through the real protocol.
// It brings its own PostgreSQL and leaves nothing behind.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/query"
)

// Options are how the demo is run.
type Options struct {
	Program  string // the pgmcp to serve with, an absolute path
	Postgres string // superuser's URL of a server to use; empty: one is found, started or installed
	Model    *Model // nil: the golden answers that come with the demo
	Question string // ask only this; empty: the whole tour
	Database string // which Question is about
	Keep     bool   // stay until the context ends, for clients to connect

	Stdout io.Writer
	About  func(*answer.Answer) string          // an answer but its rows, for a person
	Table  func(io.Writer, *query.Result) error // rows, for a person
}

// Run gives the demo. The error of a step that did not go as it should says so;
// whatever happens, everything that was started and written is gone afterwards.
func Run(ctx context.Context, o Options) (err error) {
	start := time.Now()
	o.say("pgmcp demo: two databases, one policy, through the Model Context Protocol\n\n")

	server, err := pgtest.Start(ctx, pgtest.Options{URL: o.Postgres, Install: true, Log: indented{o.Stdout}})
	if err != nil {
		return interrupted(ctx, fmt.Errorf("start PostgreSQL: %w", err))
	}
	defer closing(&err, server.Close)

	o.say("\nLoading a web shop of 60,000 orders and a support desk of 20,000 tickets.\n")
	dbs, err := load(ctx, server)
	defer closing(&err, dbs.drop)
	if err != nil {
		return interrupted(ctx, err)
	}
	folder, err := os.MkdirTemp("", "pgmcp-demo-")
	if err != nil {
		return err
	}
	defer closing(&err, func() error { return os.RemoveAll(folder) })
	path, err := write(folder, dbs, o.Model)
	if err != nil {
		return err
	}
	c, err := config.Load(path)
	if err != nil {
		return err
	}
	granted, err := dbs.grant(ctx, c)
	if err != nil {
		return interrupted(ctx, err)
	}
	o.say("Serving them as %s, a role that may read no personal data. \"pgmcp grants\"\nmakes its SQL from the policy, and leaves out what is blocked; such as:\n\n%s\n", dbs.role, indent(partlyGranted(granted)))
	o.say("Model: %s\n", o.Model)

	if err := o.tour(ctx, path); err != nil {
		return interrupted(ctx, err)
	}
	o.say("\nThat took %.0f s.\n\n", time.Since(start).Seconds())
	if !o.Keep {
		o.sayGoodbye()
		return nil
	}
	o.sayConnect(path)
	<-ctx.Done()
	o.say("\nStopping, and removing it all.\n")
	return nil
}

// partlyGranted are the lines of a grants script about tables of which some columns
// are blocked.
func partlyGranted(script string) string {
	var b strings.Builder
	for line := range strings.Lines(script) {
		if strings.HasPrefix(line, "grant select (") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// interrupted is err, or a plain word for it if the user has ended the demo.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted; nothing is left running")
	}
	return err
}

// closing joins the error of f to *err.
func closing(err *error, f func() error) { *err = errors.Join(*err, f()) }

func (o Options) say(format string, args ...any) { fmt.Fprintf(o.Stdout, format, args...) }
