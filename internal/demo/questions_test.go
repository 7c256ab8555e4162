package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/guard"
	"github.com/pgmcp/pgmcp/internal/llm"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/query"
)

// A question is a golden one: a file in testdata/questions: what is asked of which
// database, what a model says in each stage, all of it written by hand, and what
// comes of it.
type question struct {
	database, text string
	replies        map[string][]string // by stage, each for one call
	want           string
}

func readQuestion(t *testing.T, file string) (question, *txtar.Archive) {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	q := question{replies: map[string][]string{}}
	for line := range strings.Lines(string(a.Comment)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch name {
		case "database":
			q.database = value
		case "question":
			q.text = value
		}
	}
	for _, f := range a.Files {
		stage, _, _ := strings.Cut(strings.TrimSuffix(f.Name, ".json"), "-")
		switch {
		case f.Name == "want":
			q.want = string(f.Data)
		default:
			q.replies[stage] = append(q.replies[stage], string(f.Data))
		}
	}
	return q, a
}

// Complete says what the question has for the stage.
func (q *question) Complete(_ context.Context, r llm.Request) (llm.Response, error) {
	replies := q.replies[r.Stage]
	if len(replies) == 0 {
		return llm.Response{}, fmt.Errorf("nothing is written for another %s", r.Stage)
	}
	q.replies[r.Stage] = replies[1:]
	return llm.Response{Content: replies[0]}, nil
}

// outcome is what came of a question, in lines.
func outcome(a *answer.Answer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, model calls: %d\n", a.Status, a.ModelCalls)
	if a.Message != "" {
		fmt.Fprintf(&b, "message: %s\n", a.Message)
	}
	for _, t := range a.Attempts {
		fmt.Fprintf(&b, "attempt: %s: %s\n", t.Code, t.Message)
	}
	if e, ok := errors.AsType[*guard.Refusal](a.Refusal); ok {
		fmt.Fprintf(&b, "refused: %s: %s\n", e.Code, e.Message)
	}
	if e, ok := errors.AsType[*query.Error](a.Refusal); ok {
		fmt.Fprintf(&b, "failed: %s: %s\n", e.Code, e.Message)
	}
	if c := a.Confidence; c != nil {
		fmt.Fprintf(&b, "confidence: %v\n", c.Score)
		for _, reason := range c.Reasons {
			reason, _, _ = strings.Cut(reason, ": validating") // the rest is a library's
			fmt.Fprintf(&b, "reason: %s\n", reason)
		}
	}
	if len(a.Flags) > 0 {
		fmt.Fprintf(&b, "flags: %s\n", strings.Join(a.Flags, ", "))
	}
	if a.Result != nil {
		rows := strings.ReplaceAll(string(a.Result.Rows), "],[", "]\n[")
		lines := strings.SplitAfter(strings.TrimSuffix(strings.TrimPrefix(rows, "["), "]")+"\n", "\n")
		if len(lines) > 5 {
			lines = append(lines[:4], fmt.Sprintf("… %d rows\n", a.Result.RowCount))
		}
		b.WriteString("rows:\n" + strings.Join(lines, ""))
	}
	return b.String()
}

// TestQuestions asks every golden question, on every server version.
func TestQuestions(t *testing.T) {
	files, err := filepath.Glob("testdata/questions/*.txtar")
	if err != nil || len(files) < 25 {
		t.Fatalf("%d golden questions, %v", len(files), err)
	}
	pgtest.Each(t, func(t *testing.T, server *pgtest.Server) {
		var asked question
		s := serve(t, server, func(llm.Provider) llm.Provider { return &asked })
		for _, file := range files {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
				q, archive := readQuestion(t, file)
				asked = q
				a, err := s.pipeline.Answer(t.Context(), answer.Question{Text: q.text, Database: q.database}, nil)
				if err != nil {
					t.Fatal(err)
				}
				for stage, left := range asked.replies {
					if len(left) > 0 {
						t.Errorf("the stage %s has %d replies that nobody asked for", stage, len(left))
					}
				}
				got := outcome(a)
				if *update {
					archive.Files[len(archive.Files)-1] = txtar.File{Name: "want", Data: []byte(got)}
					if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
						t.Fatal(err)
					}
					return
				}
				if d := cmp.Diff(q.want, got); d != "" {
					t.Errorf("(-want +got):\n%s", d)
				}
			})
		}
	})
}
