package answer

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/llm"
	"github.com/pgmcp/pgmcp/internal/query"
)

// A fault is what a *guard.Refusal or *query.Error says.
type fault struct {
	code, message, hint string
	position            int // in characters from 1; 0: none
}

// faultOf is what err says of a statement; ok is false for other errors.
func faultOf(err error) (f fault, ok bool) {
	if e, is := errors.AsType[*guard.Refusal](err); is {
		return fault{string(e.Code), e.Message, e.Hint, e.Position}, true
	}
	if e, is := errors.AsType[*query.Error](err); is {
		return fault{e.Code, e.Message, e.Hint, e.Position}, true
	}
	return fault{}, false
}

// mendable reports whether other SQL could do better.
func (f fault) mendable() bool {
	switch f.code {
	case string(guard.Internal), query.Internal, query.Cancelled, query.Locked, query.OutOfResources, query.Conflict, query.Changed:
		return false
	}
	return true
}

// mend has the model write SQL anew, knowing what was wrong with the last.
func (p *Pipeline) mend(ctx context.Context, a *Answer, in asked, f fault) (draft, error) {
	var d draft
	a.Attempts = append(a.Attempts, Attempt{a.SQL, f.code, f.message})
	if err := p.ask(ctx, a, repairRequest(p.config.LLM.Model, in, a.SQL, f), p.draft, &d); err != nil {
		return d, err
	}
	return d.cleaned(in.shown)
}

// repairRequest asks for SQL as the first request did, to the byte, and then shows
// what is wrong with the SQL that came.
func repairRequest(model string, in asked, sql string, f fault) llm.Request {
	r := draftRequest(model, in)
	r.Stage = "repair"
	var b strings.Builder
	fmt.Fprintf(&b, "\n\nThis SQL was written for it, each line after a bar:\n%s\n\nIt cannot be run. %s: %s",
		barred(sql), f.code, quoted(plain(masked(f.message, sql), 300)))
	if near := around(sql, f.position); near != "" {
		fmt.Fprintf(&b, "\nat: %s", quoted(near))
	}
	if f.hint != "" {
		fmt.Fprintf(&b, "\nhint: %s", quoted(plain(masked(f.hint, sql), 1000)))
	}
	b.WriteString("\n\nMend it, or say that the question needs to be clarified or cannot be answered. What may not be read is not to be had in another way.")
	r.Messages[len(r.Messages)-1].Content += b.String()
	return r
}

var inQuotes = regexp.MustCompile(`"[^"]*"|'[^']*'`)

// masked is a message without what it quotes, unless sql has it too: the rest
// comes from the database, and may be data.
func masked(message, sql string) string {
	sql = strings.ToLower(sql)
	return inQuotes.ReplaceAllStringFunc(message, func(part string) string {
		if inner := part[1 : len(part)-1]; strings.Contains(sql, strings.ToLower(inner)) {
			return part
		}
		return "<value>"
	})
}

// around is the part of sql at a position.
func around(sql string, position int) string {
	const width = 40
	runes := []rune(sql)
	if position < 1 || position > len(runes) {
		return ""
	}
	return plain(string(runes[max(0, position-1-width):min(len(runes), position-1+width)]), 2*width)
}
