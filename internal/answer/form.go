package answer

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/google/jsonschema-go/jsonschema"
)

// A form is the JSON Schema of a reply. The same text is shown to the model and
// held against what it says, so the two cannot drift apart.
type form struct {
	text   json.RawMessage
	schema *jsonschema.Resolved
}

// newForm panics if text is no JSON Schema: it is a constant of this package.
func newForm(text string) *form {
	var compact bytes.Buffer
	var s jsonschema.Schema
	err := json.Compact(&compact, []byte(text))
	if err == nil {
		err = json.Unmarshal(compact.Bytes(), &s)
	}
	resolved, err2 := s.Resolve(nil)
	if err != nil || err2 != nil {
		panic(fmt.Sprintf("answer: schema of a reply: %v, %v", err, err2))
	}
	return &form{compact.Bytes(), resolved}
}

// read puts a reply that fits the form into v.
func (f *form) read(content string, v any) error {
	var instance any
	if err := json.Unmarshal([]byte(content), &instance); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	if err := f.schema.Validate(instance); err != nil {
		return fmt.Errorf("not as asked for: %w", err)
	}
	return json.Unmarshal([]byte(content), v)
}
