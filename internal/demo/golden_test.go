package demo

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/eval"
	"github.com/pgmcp/pgmcp/internal/llm"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/postgres"
	"github.com/pgmcp/pgmcp/internal/query"
)

var update = flag.Bool("update", false, "write the golden answers anew")

func TestMain(m *testing.M) { pgtest.Main(m) }

// written are the golden answers' contents, by stage and question.
var written = map[string]map[string]string{
	clearQuestion: {
		"generate": `{
			"status": "sql",
			"assumptions": ["Revenue counts orders that are paid, shipped or delivered.", "The year is that of the order, in UTC."],
			"filters": [],
			"sql": "select c.name as category, sum(i.quantity * i.unit_price) as revenue_eur\nfrom public.order_items i\njoin public.orders o on o.id = i.order_id\njoin public.products p on p.id = i.product_id\njoin public.categories c on c.id = p.category_id\nwhere o.status in ('paid', 'shipped', 'delivered')\n  and o.ordered_at >= '2025-01-01' and o.ordered_at < '2026-01-01'\ngroup by c.id, c.name\norder by revenue_eur desc, c.name\nlimit 5",
			"message": ""
		}`,
		"judge": `{
			"reads_as": "Which five categories have the highest sum of quantity times unit price over order lines of paid, shipped or delivered orders placed in 2025?",
			"intent_matches": "yes", "columns_answer_question": "yes", "filters_complete": "yes", "filters_correct": "yes",
			"joins_correct": "yes", "aggregation_grain": "yes", "time_window": "yes",
			"ambiguity": "none", "other_reading": "", "verdict": "yes"
		}`,
	},
	vagueQuestion: {
		"generate": `{
			"status": "sql",
			"assumptions": ["The best agents are those whose customers are most satisfied on average.", "Agents who have left do not count."],
			"filters": [],
			"sql": "select a.name as agent, round(avg(s.score), 2) as average_score, count(*) as answers\nfrom public.satisfaction s\njoin public.tickets t on t.id = s.ticket_id\njoin public.agents a on a.id = t.agent_id\nwhere a.active\ngroup by a.id, a.name\norder by average_score desc, a.id\nlimit 10",
			"message": ""
		}`,
		"judge": `{
			"reads_as": "Which ten active agents have the highest average satisfaction score, over tickets with a survey answer?",
			"intent_matches": "unclear", "columns_answer_question": "yes", "filters_complete": "yes", "filters_correct": "yes",
			"joins_correct": "yes", "aggregation_grain": "yes", "time_window": "unclear",
			"ambiguity": "major", "other_reading": "Which agents resolve the most tickets, or reply fastest?", "verdict": "unclear"
		}`,
	},
}

// writer answers with what is written here, and keeps that as golden answers.
type writer struct{ dir string }

func (w writer) Complete(_ context.Context, r llm.Request) (llm.Response, error) {
	content, ok := written[r.Title][r.Stage]
	if reply, of := replies[r.Title]; of && !ok {
		content, ok = reply.content(r.Title, r.Stage), true
	}
	if !ok {
		return llm.Response{}, fmt.Errorf("nothing is written for %s of %q", r.Stage, r.Title)
	}
	s := llm.Response{Content: content}
	_, err := llm.Write(w.dir, r, s, llm.Handwritten)
	return s, err
}

// mend is for a failure that new prompts bring.
const mend = "\nif the prompts have changed, run: make update"

// TestGoldenAnswers asks the questions of the tour and of cases.sql of the golden
// answers, on every server version: a prompt that has changed, or depends on the
// version, is a miss.
func TestGoldenAnswers(t *testing.T) {
	if *update {
		old, err := filepath.Glob("golden/*.txtar")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range old {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	pgtest.Each(t, func(t *testing.T, server *pgtest.Server) {
		var model *eval.Tally
		s := serve(t, server, func(golden llm.Provider) llm.Provider {
			if *update {
				golden = writer{"golden"}
			}
			model = eval.NewTally(golden)
			return model
		})
		p := s.pipeline
		clear, err := p.Answer(t.Context(), answer.Question{Text: clearQuestion, Database: "shop"}, nil)
		if err != nil {
			t.Fatal(err, mend)
		}
		if clear.Status != answer.Answered || clear.Result == nil || clear.Result.RowCount != 5 {
			t.Errorf("%s: %s", clearQuestion, show(t, clear))
		}
		vague, err := p.Answer(t.Context(), answer.Question{Text: vagueQuestion, Database: "desk"}, nil)
		if err != nil {
			t.Fatal(err, mend)
		}
		if vague.Status != answer.LowConfidence || vague.Result != nil {
			t.Errorf("%s: %s", vagueQuestion, show(t, vague))
		}
		evaluate(t, s, model)
		if *update {
			return
		}
		_, err = p.Answer(t.Context(), answer.Question{Text: "How many customers are there?", Database: "shop"}, nil)
		if unused := s.golden.Unused(); len(unused) > 0 {
			t.Errorf("nobody asks for %s%s", strings.Join(unused, ", "), mend)
		}
		if e, ok := errors.AsType[*answer.Error](err); !ok || e.Code != string(llm.NoGolden) || !strings.Contains(e.Message, "+ ") {
			t.Errorf("a question without a golden answer: %v, want a miss that shows the nearest request", err)
		}
	})
}

// A service answers questions about the demo's databases.
type service struct {
	config   *config.Config
	golden   *llm.Replay
	runner   *query.Runner
	pipeline *answer.Pipeline
}

// serve serves the demo's databases as the demo does, with the model that choose
// makes of the golden answers.
func serve(t *testing.T, server *pgtest.Server, choose func(golden llm.Provider) llm.Provider) service {
	t.Helper()
	dbs, err := load(t.Context(), server)
	t.Cleanup(func() {
		if err := dbs.drop(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	path, err := write(t.TempDir(), dbs, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dbs.grant(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	served, err := postgres.Open(t.Context(), c, nil, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(served.Close)
	stale := answer.Stale
	if *update {
		stale = nil
	}
	replay, err := llm.OpenReplay(c.LLM.Replay, stale)
	if err != nil {
		t.Fatal(err)
	}
	runner := query.NewRunner(served, call.Chain{})
	return service{c, replay, runner, answer.NewPipeline(c, served, runner, choose(replay))}
}

func show(t *testing.T, a *answer.Answer) string {
	t.Helper()
	b, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
