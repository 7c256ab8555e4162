package answer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pgmcp/pgmcp/internal/llm"
)

// Stale says why a golden request is made no more, or nothing: its prompt or its
// schema is another than now.
func Stale(r llm.Request) string {
	var prompt, schema string
	switch r.Stage {
	case "generate", "repair":
		prompt, schema = generatePrompt, draftSchema
	case "judge":
		prompt, schema = judgePrompt, verdictSchema
	default:
		return fmt.Sprintf("there is no stage %q", r.Stage)
	}
	var was, is bytes.Buffer
	err := errors.Join(json.Compact(&was, r.Schema), json.Compact(&is, []byte(schema)))
	switch {
	case len(r.Messages) == 0 || r.Messages[0].Content != headed(prompt):
		return fmt.Sprintf("its prompt is another than that of version %d", PromptVersion)
	case err != nil || !bytes.Equal(was.Bytes(), is.Bytes()):
		return "the schema of replies is another now"
	}
	return ""
}
