package answer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pgmcp/pgmcp/internal/llm"
)

// CheckGoldens reads a folder of golden answers, and says which of them are of no
// use: they cannot be read, were edited by hand, or answer a prompt of another
// version than this one.
func CheckGoldens(dir string) error {
	r, err := llm.OpenReplay(dir)
	problems := []error{err}
	if r != nil {
		requests := r.Requests()
		for _, name := range slices.Sorted(maps.Keys(requests)) {
			if why := stale(requests[name]); why != "" {
				problems = append(problems, fmt.Errorf("golden answer %s: %s; record its question anew, or delete it", name, why))
			}
		}
	}
	return errors.Join(problems...)
}

// stale says why a request is made no more, or nothing.
func stale(r llm.Request) string {
	var prompt, schema string
	switch r.Stage {
	case "generate", "repair":
		prompt, schema = generatePrompt, draftSchema
	case "judge":
		prompt, schema = judgePrompt, verdictSchema
	default:
		return fmt.Sprintf("there is no stage %q", r.Stage)
	}
	var was bytes.Buffer
	switch err := json.Compact(&was, r.Schema); {
	case len(r.Messages) == 0 || r.Messages[0].Content != headed(prompt):
		return fmt.Sprintf("its prompt is another than that of version %d", PromptVersion)
	case err != nil || !bytes.Equal(was.Bytes(), newForm(schema).text):
		return "the schema of replies is another now"
	}
	return ""
}
