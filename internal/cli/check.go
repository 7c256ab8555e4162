package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/mcpserver"
	"github.com/pgmcp/pgmcp/internal/observe"
	"github.com/pgmcp/pgmcp/internal/policy"
	"github.com/pgmcp/pgmcp/internal/postgres"
)

func (a *app) check() *cobra.Command {
	var db, from string
	cmd := &cobra.Command{
		Use:   "check [CONFIG] [FILE|-]",
		Short: "Say of each statement whether it may run, without running it",
		Long: `Read JSON Lines {"id": "...", "sql": "..."} from FILE or standard input and
print for each, in order, one line: "allowed", for a refusal its "code",
"message", "position" and "hint", and what the statement "reads". A line that is
not such an object gives an "error" line instead.

The exit code is 1 if any statement is refused or any line is an error.`,
		Args: configAnd(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, files := configOf(cmd, args)
			p, _, err := policyFor(cmd.Context(), path, db, from)
			if err != nil {
				return err
			}
			in := a.stdin
			if len(files) == 1 && files[0] != "-" {
				f, err := os.Open(files[0])
				if err != nil {
					return &usageError{fmt.Errorf("read statements: %w", err)}
				}
				defer f.Close()
				in = f
			}
			return a.checkLines(cmd.Context(), in, p)
		},
	}
	configFlag(cmd)
	dbFlag(cmd, &db, true)
	cmd.Flags().StringVar(&from, "catalog", "", "read the catalog from `FILE`, written by \"pgmcp catalog\", and connect to nothing")
	return cmd
}

// policyFor closes the rules of a database over the catalog in a file, or over
// the database's own if the file's name is empty. Path is the configuration's. The
// role is that which the database was read as, nil for a file.
//
// A privileged role may do that: nothing is read but the catalog, and no statement
// of anybody runs.
func policyFor(ctx context.Context, path, db, file string) (*policy.Policy, *postgres.Role, error) {
	cfg, name, err := loadFor(path, db)
	if err != nil {
		return nil, nil, err
	}
	rules := policy.Compile(cfg, name)
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return nil, nil, &usageError{fmt.Errorf("read catalog: %w", err)}
		}
		defer f.Close()
		c, err := catalog.Read(f)
		if err != nil {
			return nil, nil, err
		}
		return rules.Close(c), nil, nil
	}
	one := alone(cfg, name)
	one.Security.AllowPrivilegedRole = true
	if own := one.Databases[name]; own.Security != nil {
		overrides := *own.Security
		overrides.AllowPrivilegedRole = nil
		own.Security = &overrides
		one.Databases[name] = own
	}
	databases, err := postgres.Open(context.WithoutCancel(ctx), one, nil, observe.NewLog(io.Discard, cfg.Observability.Log).Logger)
	if err != nil {
		return nil, nil, err
	}
	defer databases.Close()
	database, err := databases.Get(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	p, err := database.Policy(ctx)
	if err != nil {
		return nil, nil, mcpserver.NewReason(err)
	}
	return rules.Close(p.Catalog), database.Role(), nil
}

// A question is one line of input; its answer has the same id.
type question struct {
	ID  json.RawMessage `json:"id"`
	SQL *string         `json:"sql"`
}

// A ruling is the answer to a line.
type ruling struct {
	ID       json.RawMessage `json:"id,omitempty"`
	Allowed  bool            `json:"allowed"`
	Code     guard.Code      `json:"code"`
	Message  string          `json:"message"`
	Position int             `json:"position"`
	Hint     string          `json:"hint"`
	Reads    guard.Reads     `json:"reads"`
}

// lineError is the answer to a line that could not be ruled on, such as one that
// holds no statement.
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
		var q question
		var r ruling
		if err == nil {
			q, err = parseQuestion(line)
		}
		if err == nil {
			r, err = rule(q, p)
		}
		refused = refused || !r.Allowed
		if err != nil {
			err = out.Encode(lineError{n, err.Error()})
		} else {
			err = out.Encode(r)
		}
		if err != nil {
			return fmt.Errorf("write rulings: %w", err)
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

// rule judges the statement of q. An error is none of the guard's refusals.
func rule(q question, p *policy.Policy) (ruling, error) {
	r := ruling{ID: q.ID, Reads: guard.Reads{Tables: []string{}, Columns: []string{}, Functions: []string{}}}
	s, err := guard.Check(*q.SQL, p)
	if refusal, ok := errors.AsType[*guard.Refusal](err); ok {
		r.Code, r.Message, r.Position, r.Hint = refusal.Code, refusal.Message, refusal.Position, refusal.Hint
		return r, nil
	}
	if err != nil {
		return ruling{}, err
	}
	r.Allowed, r.Reads = true, s.Reads()
	return r, nil
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
