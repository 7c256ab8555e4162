package answer

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/pgtest"
)

// said is an answer that a model was asked for, once in each stage.
func said(status Status, replies ...reply) *Answer {
	return &Answer{Status: status, ModelCalls: len(replies), talk: conversation{said: replies}}
}

// has reports whether replies are remembered under a key, and so uses them.
func (c *cache) has(key byte) bool {
	talk := c.recall(cacheKey{key})
	return len(talk.remembered) > 0
}

func TestCacheForgets(t *testing.T) {
	c := newCache(config.Cache{MaxEntries: 2, TTL: config.Duration(time.Hour)})
	r := reply{"generate", "{}"}
	c.keep(cacheKey{1}, said(Answered, r))
	c.keep(cacheKey{2}, said(Answered, r))
	if !c.has(1) {
		t.Error("1 is forgotten although there is room")
	}
	c.keep(cacheKey{3}, said(Answered, r))
	if c.has(2) || !c.has(1) || !c.has(3) || c.order.Len() != 2 || len(c.entries) != 2 {
		t.Errorf("kept are %v, %v, %v", c.has(1), c.has(2), c.has(3))
	}

	// What is not to be trusted, or was not all said, is not worth remembering.
	for i, a := range []*Answer{said(LowConfidence, r), said(Clarify, r), said(Refused, r), said("", r), said(Answered)} {
		c.keep(cacheKey{9}, a)
		if c.has(9) {
			t.Errorf("answer %d is remembered", i)
		}
	}
	half := said(Answered, r)
	half.talk.missing = 1
	if c.keep(cacheKey{9}, half); c.has(9) {
		t.Error("half a conversation is remembered")
	}

	// What is remembered stays when nothing could be found out, and goes when it fails.
	remembered := func(s Status) *Answer { return &Answer{Status: s, talk: c.recall(cacheKey{1})} }
	if c.keep(cacheKey{1}, remembered("")); !c.has(1) {
		t.Error("forgotten after an error")
	}
	if c.keep(cacheKey{1}, remembered(LowConfidence)); c.has(1) {
		t.Error("remembered although it is to be trusted no more")
	}

	off := newCache(config.Cache{TTL: config.Duration(time.Hour)})
	off.keep(cacheKey{1}, said(Answered, r))
	if off != nil || off.has(1) {
		t.Error("a cache of no entries remembers one")
	}
}

func TestCacheAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(config.Cache{MaxEntries: 2, TTL: config.Duration(time.Hour)})
		c.keep(cacheKey{1}, said(Answered, reply{"generate", "{}"}))
		time.Sleep(time.Hour - time.Nanosecond)
		if !c.has(1) {
			t.Error("forgotten too early")
		}
		// Its age is that of the reply: being asked for makes it no younger.
		a := &Answer{Status: Answered, talk: c.recall(cacheKey{1})}
		a.talk.recall("generate")
		c.keep(cacheKey{1}, a)
		if !a.Cached {
			t.Error("it does not say that it was remembered")
		}
		time.Sleep(time.Nanosecond)
		if c.has(1) || c.order.Len() != 0 {
			t.Error("remembered for too long")
		}
	})
}

// Whatever an answer depends on is part of its key.
func TestCacheKey(t *testing.T) {
	base := func() occasion {
		return occasion{
			Prompt: 1, Catalog: "c0ffee", Role: "reader", Name: "shop", Question: "How many?", Date: "2025-03-01",
			Database: config.Database{Schemas: []string{"public"}},
			LLM:      &config.LLM{Model: "small-1"},
		}
	}
	seen := map[cacheKey]string{}
	for name, change := range map[string]func(*occasion){
		"nothing":          func(*occasion) {},
		"prompt version":   func(o *occasion) { o.Prompt++ },
		"catalog":          func(o *occasion) { o.Catalog = "decaf" },
		"role":             func(o *occasion) { o.Role = "writer" },
		"database":         func(o *occasion) { o.Name = "desk" },
		"question":         func(o *occasion) { o.Question = "how many?" },
		"date":             func(o *occasion) { o.Date = "2025-03-02" },
		"model":            func(o *occasion) { o.LLM.Model = "small-2" },
		"judge":            func(o *occasion) { o.LLM.JudgeModel = "large-1" },
		"server":           func(o *occasion) { o.LLM.BaseURL = "https://llm.example/v1" },
		"threshold":        func(o *occasion) { o.Answers.ConfidenceThreshold = 0.9 },
		"model calls":      func(o *occasion) { o.Answers.MaxModelCalls = 1 },
		"policy":           func(o *occasion) { o.Security.Blocked.Columns = []string{"*.email"} },
		"database's rules": func(o *occasion) { o.Database.Security = &config.Overrides{AllowFunctions: []string{"public.f"}} },
		"schemas":          func(o *occasion) { o.Database.Schemas = []string{"public", "stock"} },
		"description":      func(o *occasion) { o.Database.Description = "A shop" },
	} {
		o := base()
		change(&o)
		if other, ok := seen[o.key()]; ok {
			t.Errorf("%s and %s have one key", name, other)
		}
		seen[o.key()] = name
	}
	if first, again := base().key(), base().key(); first != again {
		t.Error("equal occasions have different keys")
	}
}

// A question that is asked again goes the same way without the model, over the
// catalog and the rows of now.
func TestAnswerRemembered(t *testing.T) {
	url := pgtest.Open(t, library(t))
	admin, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(t.Context())
	model := &script{replies: map[string]string{"generate": sql(`select l.book from loans.loans l order by l.book, l.taken`), "judge": judged(nil)}}
	p := libraryPipeline(t, url, model, func(c *config.Config) {
		c.Answers.Cache = config.Cache{MaxEntries: 10, TTL: config.Duration(time.Hour)}
	})
	db, err := p.databases.Get(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	change := func(sql string) {
		t.Helper()
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
		if err := db.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(question, want string) {
		t.Helper()
		before := len(model.requests)
		a, err := p.Answer(t.Context(), Question{Text: question}, nil)
		if err != nil {
			t.Fatal(err)
		}
		rows := ""
		if a.Result != nil {
			rows = string(a.Result.Rows)
		}
		calls := len(model.requests) - before
		if got := fmt.Sprintf("%s %s cached %v, %d calls", a.Status, rows, a.Cached, a.ModelCalls); got != want || calls != a.ModelCalls {
			t.Errorf("%s: got  %s (the model saw %d)\nwant %s", question, got, calls, want)
		}
		if len(a.Assumptions) != 1 || a.Status != Refused && a.Reading == "" || a.Status == Answered && a.Confidence.Score != 0.85 {
			t.Errorf("%s: %+v, reading %q, assumptions %q", question, a.Confidence, a.Reading, a.Assumptions)
		}
	}

	ask("Which books were lent?", "answered [[1],[1],[2]] cached false, 2 calls")
	ask("Which books were lent?", "answered [[1],[1],[2]] cached true, 0 calls")
	ask(" Which books were lent ", "answered [[1],[1],[2]] cached true, 0 calls")
	ask("which books were lent?", "answered [[1],[1],[2]] cached false, 2 calls")

	// Other rows give another answer, and other doubts; what is doubted is forgotten.
	change("delete from loans.loans where book = 1")
	ask("Which books were lent?", "answered [[2]] cached true, 0 calls")
	change("delete from loans.loans")
	ask("Which books were lent?", "low_confidence  cached true, 0 calls")
	change("insert into loans.loans values (3, 1, null, '2024-05-01Z', null)")
	ask("Which books were lent?", "answered [[3]] cached false, 2 calls")

	// In another catalog the same question is another one.
	ask("Which books were lent?", "answered [[3]] cached true, 0 calls")
	change("create table shelves (id int)")
	ask("Which books were lent?", "answered [[3]] cached false, 2 calls")
	change("alter table loans.loans rename column book to title")
	ask("Which books were lent?", "refused  cached false, 1 calls")
	change("alter table loans.loans rename column title to book")
	ask("Which books were lent?", "answered [[3]] cached true, 0 calls")

	// What is remembered passes the guard like any other SQL, or does not.
	rules, err := db.Policy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.cache.keep(p.cacheKey(db, rules, "Pins"), said(Answered, reply{"generate", sql("select pin from readers")}))
	ask("Pins", "refused  cached true, 0 calls")
	ask("Pins", "answered [[3]] cached false, 2 calls")
}

// A verified query needs no model, and comes before what is remembered.
func TestAnswerVerified(t *testing.T) {
	query := func(question, sql string) map[string]config.Query {
		return map[string]config.Query{"q": {Questions: []string{question}, SQL: sql, Parameters: map[string]config.Parameter{"id": {Type: "int"}}}}
	}
	vouchedFor := func(queries map[string]config.Query) func(*config.Config) {
		return func(c *config.Config) {
			db := c.Databases["library"]
			db.Queries = queries
			c.Databases["library"] = db
			c.Answers.ConfidenceThreshold, c.LLM = 1, nil
		}
	}
	for _, tt := range []struct {
		name, question, sql string
		status              Status
		rows, refusal, note string
	}{
		{"hit", "Books above 1", "select id from books where id > {id} order by id", Answered, "[[2],[3]]", "", ""},
		{"another value", "books above 2?", "select id from books where id > {id} order by id", Answered, "[[3]]", "", ""},
		{"no rows", "Books above 7", "select id from books where id > {id}", Answered, "[]", "", "the result has no rows"},
		{"blocked column", "Books above 1", "select pin from readers where id > {id}", Refused, "", "blocked_column", ""},
		{"blocked table", "Books above 1", "select 1 from salaries where id > {id}", Refused, "", "blocked_table", ""},
		{"write", "Books above 1", "with d as (delete from books where id > {id} returning 1) select * from d", Refused, "", "not_read_only", ""},
		{"fails", "Books above 1", "select 1 / (id - id) from books where id > {id}", Refused, "", "data_error", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := libraryPipeline(t, "", nil, vouchedFor(query("Books above {id}?", tt.sql)))
			a, err := p.Answer(t.Context(), Question{Text: tt.question}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if a.Status != tt.status || a.Verified != "q" || a.ModelCalls != 0 || a.SQL == "" {
				t.Errorf("%+v", a)
			}
			if a.Result != nil && string(a.Result.Rows) != tt.rows || (a.Result == nil) != (tt.rows == "") {
				t.Errorf("result %+v", a.Result)
			}
			if tt.status == Answered && (a.Confidence.Score != 1 || a.Confidence.Label != "verified") {
				t.Errorf("confidence %+v", a.Confidence)
			}
			if code, _ := codeOf(a.Refusal); code != tt.refusal {
				t.Errorf("refusal %v", a.Refusal)
			}
			if got := strings.Join(a.Notes, "; "); got != tt.note {
				t.Errorf("notes %s", got)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		p := libraryPipeline(t, "", nil, vouchedFor(query("Books above {id}", "select {id}")))
		for _, question := range []string{"Books above one", "Books above 1 and below 3", "Books below 1"} {
			a, err := p.Answer(t.Context(), Question{Text: question}, nil)
			if e, ok := errors.AsType[*Error](err); !ok || e.Code != "no_model" {
				t.Errorf("%s: %+v, %v", question, a, err)
			}
		}
	})
	t.Run("wrong in itself", func(t *testing.T) {
		p := libraryPipeline(t, "", nil, vouchedFor(query("Books above {id}", "select 1; select {id}")))
		a, err := p.Answer(t.Context(), Question{Text: "Books above 1"}, nil)
		if e, ok := errors.AsType[*Error](err); !ok || e.Code != "no_model" {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

// codeOf is the code of the refusal of an answer, if there is one.
func codeOf(err error) (string, int) {
	if err == nil {
		return "", 0
	}
	return refusal(err)
}
