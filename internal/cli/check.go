package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/observe"
	"github.com/pgmcp/pgmcp/internal/policy"
	"github.com/pgmcp/pgmcp/internal/postgres"
)

func (a *app) check() *cobra.Command {
	var db, from string
	cmd := &cobra.Command{
		Use:   "check CONFIG [FILE|-]",
		Short: "Say of each statement whether it may run, without running it",
		Long: `Reads JSON Lines {"id": "...", "sql": "..."} from FILE or standard input and
prints for each, in order, one line: "allowed", for a refusal its "code",
"message", "position" and "hint", and what the statement "reads". A line that is
not such an object gives an "error" line instead.

Exit code 1 if any statement is refused or any line is an error.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := load(args[0])
			if err != nil {
				return err
			}
			p, err := a.policyFor(cmd.Context(), cfg, db, from)
			if err != nil {
				return err
			}
			in := a.stdin
			if len(args) == 2 && args[1] != "-" {
				f, err := os.Open(args[1])
				if err != nil {
					return fmt.Errorf("open statements: %w", err)
				}
				defer f.Close()
				in = f
			}
			return a.checkLines(cmd.Context(), in, p)
		},
	}
	cmd.Flags().StringVar(&db, "db", "", "database `NAME`; needed if the configuration has several")
	cmd.Flags().StringVar(&from, "catalog", "", "read the catalog from `FILE`, written by \"pgmcp catalog\", and connect to nothing")
	return cmd
}

// policyFor closes the rules of a database over the catalog in a file, or over
// the database's own if the file's name is empty.
func (a *app) policyFor(ctx context.Context, cfg *config.Config, db, file string) (*policy.Policy, error) {
	names := slices.Sorted(maps.Keys(cfg.Databases))
	if db == "" && len(names) == 1 {
		db = names[0]
	}
	if _, ok := cfg.Databases[db]; !ok {
		return nil, &postgres.UnknownDatabase{Name: db, Names: names, Nearest: catalog.Nearest(db, names)}
	}
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("open catalog: %w", err)
		}
		defer f.Close()
		c, err := catalog.Read(f)
		if err != nil {
			return nil, err
		}
		return policy.Compile(cfg, db).Close(c), nil
	}
	maps.DeleteFunc(cfg.Databases, func(name string, _ config.Database) bool { return name != db })
	databases, err := postgres.Open(context.WithoutCancel(ctx), cfg, observe.NewLogger(io.Discard, cfg.Observability.Log))
	if err != nil {
		return nil, err
	}
	defer databases.Close()
	database, err := databases.Get(db)
	if err != nil {
		return nil, err
	}
	return database.Policy(ctx)
}

// A question is one line of input; its answer has the same id.
type question struct {
	ID  json.RawMessage `json:"id"`
	SQL *string         `json:"sql"`
}

type verdict struct {
	ID       json.RawMessage `json:"id,omitempty"`
	Allowed  bool            `json:"allowed"`
	Code     guard.Code      `json:"code"`
	Message  string          `json:"message"`
	Position int             `json:"position"`
	Hint     string          `json:"hint"`
	Reads    guard.Reads     `json:"reads"`
}

// lineError is the answer to a line that holds no statement.
type lineError struct {
	Line  int    `json:"line"`
	Error string `json:"error"`
}

// maxLine bounds a line of input, in bytes: a statement and its escapes fit many times.
const maxLine = 1 << 20

// checkLines answers each line of in. It returns errNo if any answer is no.
func (a *app) checkLines(ctx context.Context, in io.Reader, p *policy.Policy) error {
	out := json.NewEncoder(a.stdout)
	out.SetEscapeHTML(false)
	refused := false
	lines := bufio.NewReaderSize(in, 64<<10)
	for n := 1; ; n++ {
		line, err := readLine(lines)
		if err == io.EOF {
			break
		}
		if err != nil && !errors.Is(err, errLongLine) {
			return fmt.Errorf("read statements: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err == nil && len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var answer any
		var q question
		if err == nil {
			q, err = parseQuestion(line)
		}
		if err != nil {
			answer, refused = lineError{n, err.Error()}, true
		} else {
			v := judge(q, p)
			answer, refused = v, refused || !v.Allowed
		}
		if err := out.Encode(answer); err != nil {
			return fmt.Errorf("write verdict: %w", err)
		}
	}
	if refused {
		return errNo
	}
	return nil
}

func parseQuestion(line []byte) (question, error) {
	var q question
	if err := json.Unmarshal(line, &q); err != nil {
		return q, fmt.Errorf("not a JSON object with id and sql: %w", err)
	}
	if q.SQL == nil {
		return q, errors.New("the object has no sql")
	}
	return q, nil
}

func judge(q question, p *policy.Policy) verdict {
	v := verdict{ID: q.ID, Reads: guard.Reads{Tables: []string{}, Columns: []string{}, Functions: []string{}}}
	s, err := guard.Check(*q.SQL, p)
	if refusal, ok := errors.AsType[*guard.Refusal](err); ok {
		v.Code, v.Message, v.Position, v.Hint = refusal.Code, refusal.Message, refusal.Position, refusal.Hint
		return v
	}
	v.Allowed, v.Reads = err == nil, s.Reads()
	return v
}

var errLongLine = fmt.Errorf("the line is longer than %d bytes", maxLine)

// readLine reads a line without its end; of one that is too long it passes over
// the rest. io.EOF means that there is no more.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := r.ReadSlice('\n')
		long = long || len(line)+len(part) > maxLine
		if !long {
			line = append(line, part...)
		}
		switch {
		case err == bufio.ErrBufferFull:
		case err != nil && (err != io.EOF || len(line) == 0 && !long):
			return nil, err
		case long:
			return nil, errLongLine
		default:
			return bytes.TrimRight(line, "\r\n"), nil
		}
	}
}
