package answer

import (
	"context"
	"fmt"
	"strings"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/llm"
)

// weakResult is the code of an attempt whose SQL ran and found nothing.
const weakResult = "weak_result"

// weakness says that a result holds nothing while the SQL compares a column with a
// text that is not known to be in it: the database probably writes that text in
// another way. It is empty where that is not so, or the checks are ignored.
func (e evidence) weakness(c config.Checks) string {
	var nothing, stray string
	flags, doubts := e.check(c)
	for i, flag := range flags {
		switch flag {
		case "empty", "all_null":
			nothing = doubts[i].reason
		case "ungrounded_literal":
			stray = doubts[i].reason
		}
	}
	if nothing == "" || stray == "" {
		return ""
	}
	return nothing + ", and " + stray
}

// reconsider has a model write the SQL of a weak result once more, if a repair and
// a call are left beside the judge's. What comes of it counts only where it is weak
// no more; whatever else becomes of the attempt, there is an outcome already.
func (p *Pipeline) reconsider(ctx context.Context, a *Answer, v view, in asked, done outcome, steps *stages) (outcome, error) {
	limits := p.config.Answers
	why := v.evidence(in, done).weakness(limits.Checks)
	if why == "" || len(a.Attempts) >= limits.MaxRepairs || limits.MaxModelCalls-a.ModelCalls < 2 {
		return done, nil
	}
	var d draft
	err := p.ask(steps.begin(ctx, "repair"), a, weakRequest(p.config.LLM.Model, in, a.SQL, why, v.nearest(done.statement.Facts())), p.draft, &d)
	if err == nil {
		d, err = d.cleaned(in.shown)
	}
	if err != nil {
		return done, grave(ctx, err)
	}
	if d.Status != draftSQL {
		a.Notes = append(a.Notes, "asked to mend the SQL, the model says: "+d.Message)
		return done, nil
	}
	if d.SQL == a.SQL {
		return done, nil
	}
	weak := Attempt{a.SQL, weakResult, why}
	a.SQL = d.SQL
	again, err := p.try(ctx, a, d, steps)
	if f, ok := faultOf(err); ok {
		a.SQL, a.Attempts = weak.SQL, append(a.Attempts, Attempt{d.SQL, f.code, f.message})
		return done, grave(ctx, err)
	}
	if err != nil {
		return done, err
	}
	if still := v.evidence(in, again).weakness(limits.Checks); still != "" {
		a.SQL, a.Attempts = weak.SQL, append(a.Attempts, Attempt{d.SQL, weakResult, still})
		return done, nil
	}
	a.Assumptions, a.Attempts = d.Assumptions, append(a.Attempts, weak)
	again.mended = len(a.Attempts)
	return again, nil
}

// nearest are the values of the columns that a statement compares with a text which
// those texts resemble.
func (v view) nearest(facts guard.Facts) []ground {
	var near []ground
	for _, c := range facts.Comparisons {
		if !isText(c.Column.Type) {
			continue
		}
		for _, part := range parts(c) {
			found, _ := v.grounds([]span{{part, true}})
			for _, g := range found {
				if !g.exact() && g.relation.OID == c.Relation.OID && g.column == c.Column.Name {
					near = append(near, g)
				}
			}
		}
	}
	return inPlace(near)
}

// weakRequest asks for SQL as the first request did, to the byte, and then says what
// is weak about the result of the SQL that came. It holds nothing of the rows.
func weakRequest(model string, in asked, sql, why string, near []ground) llm.Request {
	r := draftRequest(model, in)
	r.Stage = "repair"
	var b strings.Builder
	fmt.Fprintf(&b, "\n\nThis SQL was written for it, each line after a bar:\n%s\n\nIt ran, but found nothing: %s", barred(sql), quoted(plain(why, 500)))
	for _, g := range near {
		b.WriteString("\n" + g.String())
	}
	b.WriteString("\n\nWhere the database writes that text in another way, mend the SQL, and keep every condition of the question. Where the SQL is right as it is, write it again.")
	r.Messages[len(r.Messages)-1].Content += b.String()
	return r
}
