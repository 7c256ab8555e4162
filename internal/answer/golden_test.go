package answer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pgmcp/pgmcp/internal/llm"
)

func TestStale(t *testing.T) {
	current := func(edit func(*llm.Request)) llm.Request {
		r := draftRequest("small-1", asked{question: "How many?", shown: excerpt{text: "The tables."}})
		r.Schema = newForm(draftSchema).text
		if edit != nil {
			edit(&r)
		}
		return r
	}
	for _, tt := range []struct {
		name string
		edit func(*llm.Request)
		want string
	}{
		{"current", nil, ""},
		{"older prompt", func(r *llm.Request) {
			r.Messages[0].Content = strings.Replace(r.Messages[0].Content, fmt.Sprintf("version %d", PromptVersion), "version 0", 1)
		}, "its prompt is another than that of version"},
		{"changed prompt", func(r *llm.Request) { r.Messages[0].Content += "More." }, "its prompt is another"},
		{"no prompt", func(r *llm.Request) { r.Messages = nil }, "its prompt is another"},
		{"other schema", func(r *llm.Request) { r.Schema = newForm(verdictSchema).text }, "the schema of replies is another now"},
		{"unknown stage", func(r *llm.Request) { r.Stage = "guess" }, `there is no stage "guess"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path, err := llm.Write(dir, current(tt.edit), llm.Response{Content: sql("select 1")}, llm.Handwritten)
			if err != nil {
				t.Fatal(err)
			}
			_, err = llm.OpenReplay(dir, Stale)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), "golden answer "+path+": "+tt.want) || !strings.Contains(err.Error(), "record its question anew")) {
				t.Errorf("error %v, want …%s…", err, tt.want)
			}
		})
	}
}

// Equal requests of one question are told apart.
func TestConversationCounts(t *testing.T) {
	var c conversation
	a := draftRequest("small-1", asked{question: "How many?"})
	b := draftRequest("small-1", asked{question: "How few?"})
	other := a
	other.Model = "small-2"
	for i, tt := range []struct {
		request llm.Request
		want    int
	}{{a, 0}, {b, 0}, {a, 1}, {other, 0}, {a, 2}, {b, 1}} {
		if got := c.ask(tt.request); got != tt.want {
			t.Errorf("request %d is sample %d, want %d", i, got, tt.want)
		}
	}
}
