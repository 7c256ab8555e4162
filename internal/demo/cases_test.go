package demo

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pgmcp/pgmcp/internal/eval"
)

// manual shows the report on the golden answers.
const manual = "../../docs/evaluation.md"

// evaluate evaluates the golden answers, and holds what the manual and the README
// say of them to what comes out.
func evaluate(t *testing.T, s service, model *eval.Tally) {
	t.Helper()
	cases, err := eval.ReadCases("cases.sql")
	if err != nil {
		t.Fatal(err)
	}
	if cases, err = eval.On(cases, "", []string{"desk", "shop"}); err != nil {
		t.Fatal(err)
	}
	r := &eval.Runner{Pipeline: s.pipeline, Query: s.runner, Parallel: 2}
	if err := r.Verify(t.Context(), cases); err != nil {
		t.Fatal(err)
	}
	before := model.Replies()
	outcomes, err := r.Run(t.Context(), cases)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range outcomes {
		if o.Err != nil {
			t.Fatalf("%s: %v%s", o.Case.Question, o.Err, mend)
		}
	}
	counted := model.Replies()
	counted.Handwritten -= before.Handwritten
	if *update { // the writer's replies are the golden answers
		counted = eval.Replies{Handwritten: counted.Live - before.Live}
	}
	found := eval.NewReport(outcomes, counted, s.config, 0.85)
	replaceIn(t, manual, "<!-- report -->\n```text\n", "```\n<!-- end -->", untimed(found.Text()))
	replaceIn(t, "../../README.md", "<!-- eval -->", "<!-- end -->", fmt.Sprintf("%d of %d answerable questions answered rightly; at the threshold, %d of %d questions answered, and %d of those rightly",
		found.Accuracy.Execution.Hits, found.Accuracy.Execution.Of, found.Decision.Coverage.Hits, found.Decision.Coverage.Of, found.Decision.Accuracy.Hits))
}

// untimed is a report without what differs each time.
func untimed(report string) string {
	return strings.Join(slices.DeleteFunc(strings.SplitAfter(report, "\n"), func(line string) bool {
		return strings.HasPrefix(strings.TrimSpace(line), eval.TimeLine)
	}), "")
}

// replaceIn holds what a file has between begin and end to text, or in an update
// writes it there.
func replaceIn(t *testing.T, file, begin, end, text string) {
	t.Helper()
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(old), begin)
	_, tail, found := strings.Cut(rest, end)
	if !found {
		t.Fatalf("%s has no %q", file, begin)
	}
	want := head + begin + text + end + tail
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(old) {
		t.Errorf("%s has something else than\n%s%s", file, text, mend)
	}
}

// Every reply is to a question that is asked.
func TestReplies(t *testing.T) {
	cases, err := eval.ReadCases("cases.sql")
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for _, c := range cases {
		asked[c.Question] = true
		if _, ok := replies[c.Question]; !ok {
			t.Errorf("there is no reply to %q", c.Question)
		}
	}
	for question := range replies {
		if !asked[question] {
			t.Errorf("nobody asks %q", question)
		}
	}
}
