package llm_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/llm"
)

const golden = `key: KEY
stage: generate
model: small-1
origin: handwritten
-- request.json --
{
  "stage": "generate",
  "model": "small-1",
  "messages": [
    {
      "role": "system",
      "content": "Write SQL.\n-- orders --\nid < 3"
    },
    {
      "role": "user",
      "content": "How many orders?"
    }
  ],
  "schema": {
    "type": "object",
    "properties": {
      "sql": {
        "type": "string"
      }
    },
    "required": [
      "sql"
    ],
    "additionalProperties": false
  }
}
-- message-1-system.txt --
| Write SQL.
| -- orders --
| id < 3
-- message-2-user.txt --
| How many orders?
-- response.json --
{
  "content": {
    "sql": "select count(*) from orders"
  },
  "usage": {
    "prompt_tokens": 120,
    "completion_tokens": 9
  }
}
`

var reply = llm.Response{
	Content: `{"sql":"select count(*) from orders"}`,
	Usage:   llm.Usage{Prompt: 120, Completion: 9},
}

func write(t *testing.T, dir string, r llm.Request, s llm.Response) string {
	t.Helper()
	path, err := llm.Write(dir, r, s, llm.Handwritten)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func replay(t *testing.T, dir string) *llm.Replay {
	t.Helper()
	p, err := llm.OpenReplay(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "on demand")
	path := write(t, dir, ask("small-1"), reply)
	m := regexp.MustCompile(`^generate-how-many-orders-([0-9a-f]{16})\.txtar$`).FindStringSubmatch(filepath.Base(path))
	if m == nil {
		t.Fatalf("path %s", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Replace(golden, "KEY", m[1], 1), string(b)); d != "" {
		t.Errorf("file (-want +got):\n%s", d)
	}
}

func TestReplay(t *testing.T) {
	contents := map[string]string{
		"json":  `{"sql":"select '<&>' || 'é'"}`,
		"text":  "no JSON at all\n-- request.json --\n",
		"empty": "",
		"bad":   `{"sql":`,
		"array": `[1, 2]`,
	}
	dir := t.TempDir()
	for model, content := range contents {
		write(t, dir, ask(model), llm.Response{Content: content})
	}
	p := replay(t, dir)
	for model, content := range contents {
		r := ask(model)
		r.Title = "said otherwise"
		got, err := p.Complete(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if strings.ReplaceAll(got.Content, " ", "") != strings.ReplaceAll(content, " ", "") {
			t.Errorf("%s: got %q, want %q", model, got.Content, content)
		}
	}

	again := ask("json")
	again.Title = "another title"
	write(t, dir, again, llm.Response{Content: `{"sql":"select 2"}`})
	got, err := replay(t, dir).Complete(t.Context(), again)
	if err != nil || got.Content != `{"sql":"select 2"}` {
		t.Errorf("after writing again: %v, %v", got, err)
	}
}

func TestMiss(t *testing.T) {
	dir := t.TempDir()
	near, far := ask("small-1"), ask("small-1")
	far.Messages = []llm.Message{{Role: "user", Content: "Something\nelse\naltogether"}}
	write(t, dir, near, reply)
	write(t, dir, far, reply)
	p := replay(t, dir)

	r := ask("small-1")
	r.Title = "How many customers?"
	r.Messages[1].Content = "How many customers?"
	_, err := p.Complete(t.Context(), r)
	e, ok := errors.AsType[*llm.Error](err)
	if !ok || e.Code != llm.NoGolden {
		t.Fatalf("error %T %v", err, err)
	}
	for _, want := range []string{
		"no golden answer to this generate request",
		filepath.Join(dir, "generate-how-many-customers-"),
		"the nearest is generate-how-many-orders-",
		"\n-| How many orders?\n+| How many customers?\n",
	} {
		if !strings.Contains(e.Message, want) {
			t.Errorf("lacks %q:\n%s", want, e.Message)
		}
	}

	r.Stage = "judge"
	if _, err := p.Complete(t.Context(), r); err == nil || !strings.Contains(err.Error(), "nor any other of this stage") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Complete(ctx, near); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Every part of a request is part of its key, its title apart.
func TestKey(t *testing.T) {
	dir := t.TempDir()
	for _, change := range []func(*llm.Request){
		func(r *llm.Request) {},
		func(r *llm.Request) { r.Stage = "judge" },
		func(r *llm.Request) { r.Model = "small-2" },
		func(r *llm.Request) { r.Messages[0].Content += " " },
		func(r *llm.Request) { r.Messages[0].Role = "user" },
		func(r *llm.Request) { r.Messages = r.Messages[:1] },
		func(r *llm.Request) { r.Schema = []byte(`{"type":"string"}`) },
		func(r *llm.Request) { r.Sample = 1 },
	} {
		r := ask("small-1")
		change(&r)
		write(t, dir, r, reply)
	}
	files, _ := filepath.Glob(dir + "/*.txtar")
	if len(files) != 8 {
		t.Errorf("8 different requests made %d files", len(files))
	}
	replay(t, dir)
}

func TestEdited(t *testing.T) {
	tests := []struct {
		name     string
		old, new string
		want     string
	}{
		{"request", `"How many orders?"`, `"How few orders?"`, "the request was edited: its key is "},
		{"request's form", `"stage": "generate"`, `"stage":  "generate"`, "the request was edited"},
		{"request's fields", `"stage": "generate",`, `"stage": "generate", "seed": 7,`, "unknown field"},
		{"key", "key: ", "key: 0", "the request was edited"},
		{"view", "| How many orders?", "| How few orders?", "message-2-user.txt differs from request.json"},
		{"view gone", "-- message-2-user.txt --\n| How many orders?\n", "", "files missing"},
		{"response's fields", `"usage"`, `"confidence": 1, "usage"`, "unknown field"},
		{"response gone", "-- response.json --", "-- other.json --", "read response.json"},
		{"response's content", `{
    "sql": "select count(*) from orders"
  }`, `7`, "read response.json"},
		{"response with a secret", "count(*)", "'postgres://u:p@db.example.com/x'", "what looks like a secret"},
		{"response that does not fit", `"sql": "select count(*) from orders"`, `"SQL": "select 1"`, "response.json does not fit the request's schema"},
		{"response that does fit", "origin: handwritten", "origin: handwritten\nfits: no", "response.json fits the request's schema"},
		{"a false origin", "origin: handwritten", "origin: recorded 2025-01-10", "response.json was edited, so no model said it"},
		{"origin", "origin: handwritten", "origin: a friend", `the origin is "a friend"`},
		{"all", golden, "", "read request.json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := write(t, dir, ask("small-1"), reply)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			edited := strings.Replace(string(b), tt.old, tt.new, 1)
			if tt.old == golden {
				edited = tt.new
			}
			if edited == string(b) {
				t.Fatal("the edit changes nothing")
			}
			if err := os.WriteFile(path, []byte(edited), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err = llm.OpenReplay(dir, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v\nwant …%s…", err, tt.want)
			}
		})
	}

	t.Run("copied and renamed", func(t *testing.T) {
		dir := t.TempDir()
		path := write(t, dir, ask("small-1"), reply)
		b, _ := os.ReadFile(path)
		key := path[len(path)-len("0123456789abcdef.txtar"):]
		os.WriteFile(filepath.Join(dir, "generate-copy-"+key), b, 0o644)
		os.WriteFile(filepath.Join(dir, "judge-"+key), b, 0o644)
		os.WriteFile(filepath.Join(dir, "generate-0000000000000000.txtar"), b, 0o644)
		os.WriteFile(filepath.Join(dir, "README"), nil, 0o644)
		_, err := llm.OpenReplay(dir, nil)
		for _, want := range []string{"answers the same request", "begin with its stage", "the request was edited"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("lacks %q: %v", want, err)
			}
		}
	})
}

type script func(llm.Request) (llm.Response, error)

func (f script) Complete(_ context.Context, r llm.Request) (llm.Response, error) { return f(r) }

func TestRecord(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "golden")
	r := ask("small-1")
	r.Messages[1].Content = "Use sk-abcdefgh12345678, \xff and postgres://u:p@db.example.com/shop please"
	said := llm.Response{Content: `{"sql":"select 'Bearer abcdefgh12345678'"}`}
	var sent llm.Request
	p, err := llm.NewRecord(script(func(r llm.Request) (llm.Response, error) { sent = r; return said, nil }), &config.LLM{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Complete(t.Context(), r); err != nil || got != said {
		t.Fatalf("%v, %v", got, err)
	}
	if d := cmp.Diff(r, sent); d != "" {
		t.Errorf("the request was changed (-want +got):\n%s", d)
	}
	files, _ := filepath.Glob(dir + "/*.txtar")
	if len(files) != 1 {
		t.Fatalf("files %v", files)
	}
	b, _ := os.ReadFile(files[0])
	if m := regexp.MustCompile(`sk-abc|u:p@|abcdefgh`).Find(b); m != nil {
		t.Errorf("%s is in the file", m)
	}
	if !regexp.MustCompile(`(?m)^origin: recorded \d{4}-\d\d-\d\d$`).Match(b) {
		t.Errorf("no origin:\n%s", b)
	}
	got, err := replay(t, dir).Complete(t.Context(), r)
	if want := `{"sql":"select '[REDACTED]'"}`; err != nil || got.Content != want {
		t.Errorf("replayed %v, %v", got, err)
	}

	if !strings.HasPrefix(got.Origin, "recorded ") {
		t.Errorf("origin %q", got.Origin)
	}

	if _, err := llm.NewRecord(nil, &config.LLM{}, filepath.Join(files[0], "dir")); err == nil || !strings.HasPrefix(err.Error(), "record answers: ") {
		t.Errorf("below a file: %v", err)
	}
	if all, _ := os.ReadDir(dir); len(all) != 1 {
		t.Errorf("it left something: %v", all)
	}
}

// That a model will not complete a request is kept; that it could not be asked is not.
func TestRecordErrors(t *testing.T) {
	for _, tt := range []struct {
		err  error
		kept bool
	}{
		{&llm.Error{Code: llm.Refused, Message: "the model declined to answer: postgres://u:p@db.example.com/x"}, true},
		{&llm.Error{Code: llm.CutOff, Message: "cut off"}, true},
		{&llm.Error{Code: llm.Rejected, Message: "status 401"}, false},
		{&llm.Error{Code: llm.Malformed, Message: "no completion"}, false},
		{&llm.Error{Code: llm.TimedOut, Message: "late"}, false},
		{&llm.Error{Code: llm.Unreachable, Message: "gone"}, false},
		{&llm.StatusError{Code: 429}, false},
		{&llm.StatusError{Code: 503}, false},
		{context.Canceled, false},
	} {
		dir := t.TempDir()
		p, err := llm.NewRecord(script(func(llm.Request) (llm.Response, error) { return llm.Response{}, tt.err }), &config.LLM{}, dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Complete(t.Context(), ask("small-1")); !errors.Is(err, tt.err) {
			t.Errorf("%v became %v", tt.err, err)
		}
		files, _ := filepath.Glob(dir + "/*.txtar")
		if (len(files) == 1) != tt.kept {
			t.Errorf("%v: files %v", tt.err, files)
		}
		if !tt.kept {
			continue
		}
		_, err = replay(t, dir).Complete(t.Context(), ask("small-1"))
		got, ok := errors.AsType[*llm.Error](err)
		want, _ := errors.AsType[*llm.Error](tt.err)
		if !ok || got.Code != want.Code || got.Message != strings.Replace(want.Message, "postgres://u:p@db.example.com/x", "[REDACTED]", 1) {
			t.Errorf("%v was replayed as %v", tt.err, err)
		}
	}
}

// The keys that models are asked with are in no file, whatever they look like.
func TestRecordKey(t *testing.T) {
	const judgeKey = "another key"
	t.Setenv("RECORD_TEST_KEY", testKey)
	t.Setenv("RECORD_TEST_JUDGE_KEY", judgeKey)
	c := &config.LLM{
		APIKey: &config.Secret{Env: "RECORD_TEST_KEY"},
		Judge:  &config.Judge{APIKey: &config.Secret{Env: "RECORD_TEST_JUDGE_KEY"}},
	}
	for _, tt := range []struct{ name, title, question, content string }{
		{"question", "How many?", "Is my key " + testKey, "{}"},
		{"title", testKey, "How many?", "{}"},
		{"answer", "How many?", "How many?", `{"sql":"select '` + testKey + `'"}`},
		{"judge's key", "How many?", "Is it " + judgeKey + "?", "{}"},
	} {
		dir := t.TempDir()
		p, err := llm.NewRecord(script(func(llm.Request) (llm.Response, error) { return llm.Response{Content: tt.content}, nil }), c, dir)
		if err != nil {
			t.Fatal(err)
		}
		r := ask("small-1")
		r.Title, r.Messages[1].Content = tt.title, tt.question
		if _, err := p.Complete(t.Context(), r); err == nil || !strings.Contains(err.Error(), "the model's key is in the question or the answer") || strings.Contains(err.Error(), testKey) || strings.Contains(err.Error(), judgeKey) {
			t.Errorf("%s: error %v", tt.name, err)
		}
		if files, _ := os.ReadDir(dir); len(files) != 0 {
			t.Errorf("%s: files %v", tt.name, files)
		}
	}
	unset := &config.Secret{Env: "RECORD_TEST_UNSET"}
	for _, c := range []*config.LLM{{APIKey: unset}, {Judge: &config.Judge{APIKey: unset}}} {
		if _, err := llm.NewRecord(nil, c, t.TempDir()); err == nil {
			t.Error("a key that cannot be read cannot be kept out")
		}
	}
}

func TestRedact(t *testing.T) {
	for _, secret := range []string{
		"sk-proj-abcdefgh12345678", "Bearer abc.def-ghi_jkl", "ghp_0123456789abcdefghij", "github_pat_0123456789abcdefghij", "xoxb-1234567890-abc",
		"AKIAABCDEFGHIJKLMNOP", "AIzaSyA0123456789012345678901234567", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_def",
		"postgresql://u:p@h/d", "password=hunter2", "api_key=hunter2", "-----BEGIN RSA PRIVATE KEY-----",
	} {
		dir := t.TempDir()
		r := ask("small-1")
		r.Title, r.Messages[1].Content = "with "+secret, "Use ("+secret+") now"
		path := write(t, dir, r, llm.Response{Content: `{"sql":"` + secret + `"}`})
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(path+string(b), secret) || strings.Count(string(b), "[REDACTED]") != 3 {
			t.Errorf("%s is in %s:\n%s", secret, path, b)
		}
		if _, err := replay(t, dir).Complete(t.Context(), r); err != nil {
			t.Errorf("%s: %v", secret, err)
		}
	}
	dir := t.TempDir()
	r := ask("small-1")
	r.Messages[1].Content = "skipping bearers of AKIA and passwords = none in eyJafjallajokull"
	if b, _ := os.ReadFile(write(t, dir, r, reply)); strings.Contains(string(b), "[REDACTED]") {
		t.Errorf("words are taken for secrets:\n%s", b)
	}
}

// Equal requests of one question have answers of their own.
func TestSamples(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		r := ask("small-1")
		r.Sample = i
		path := write(t, dir, r, llm.Response{Content: fmt.Sprintf(`{"sql":"select %d"}`, i)})
		b, _ := os.ReadFile(path)
		if strings.Contains(string(b), fmt.Sprintf("\nsample: %d\n", i)) != (i > 0) {
			t.Errorf("sample %d:\n%s", i, b)
		}
	}
	p := replay(t, dir)
	third := ask("small-1")
	third.Sample = 2
	want, _ := llm.File(dir, third)
	for i := range 2 {
		r := ask("small-1")
		r.Sample = i
		if s, err := p.Complete(t.Context(), r); err != nil || s.Content != fmt.Sprintf(`{"sql":"select %d"}`, i) || s.Origin != llm.Handwritten {
			t.Errorf("sample %d: %v, %v", i, s, err)
		}
	}
	if unused := p.Unused(); len(unused) != 1 || unused[0] != want {
		t.Errorf("unused are %v, want %s", unused, want)
	}
}
