package llm_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	p, err := llm.OpenReplay(dir)
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
	} {
		r := ask("small-1")
		change(&r)
		write(t, dir, r, reply)
	}
	files, _ := filepath.Glob(dir + "/*.txtar")
	if len(files) != 7 {
		t.Errorf("7 different requests made %d files", len(files))
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
			_, err = llm.OpenReplay(dir)
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
		_, err := llm.OpenReplay(dir)
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
	p, err := llm.NewRecord(script(func(r llm.Request) (llm.Response, error) { sent = r; return said, nil }), dir)
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

	busy := &llm.StatusError{Code: 429}
	p, err = llm.NewRecord(script(func(llm.Request) (llm.Response, error) { return llm.Response{}, busy }), dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Complete(t.Context(), ask("small-2")); !errors.Is(err, busy) {
		t.Errorf("error %v", err)
	}
	if files, _ := filepath.Glob(dir + "/*.txtar"); len(files) != 1 {
		t.Errorf("an error was kept: %v", files)
	}

	if _, err := llm.NewRecord(nil, filepath.Join(files[0], "dir")); err == nil || !strings.HasPrefix(err.Error(), "record answers: ") {
		t.Errorf("below a file: %v", err)
	}
	if all, _ := os.ReadDir(dir); len(all) != 1 {
		t.Errorf("it left something: %v", all)
	}
}
