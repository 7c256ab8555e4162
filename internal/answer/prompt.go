package answer

import (
	_ "embed" // the prompts are files, so that they read as prose
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// PromptVersion is raised whenever a prompt or the schema of a reply changes. It
// heads every prompt, so that golden answers and measurements say what they are of.
const PromptVersion = 2

var (
	//go:embed prompts/generate.txt
	generatePrompt string
	//go:embed prompts/generate.schema.json
	draftSchema string
	//go:embed prompts/judge.txt
	judgePrompt string
	//go:embed prompts/judge.schema.json
	verdictSchema string
)

// headed is a prompt under its version.
func headed(prompt string) string {
	return fmt.Sprintf("pgmcp, prompt version %d\n\n%s", PromptVersion, prompt)
}

// quoted is s as a JSON string: whatever s holds, it cannot end its quotes.
func quoted(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}

// barred is s with "| " before each line, so that no line of it can pass for one of the prompt.
func barred(s string) string {
	return "| " + strings.ReplaceAll(s, "\n", "\n| ")
}

// visible is s without what cannot be seen, such as control characters and marks
// that change the direction of text; its lines stay.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\n' {
			return r
		}
		if unicode.IsSpace(r) {
			return ' '
		}
		return -1
	}, s)
}

// plain is s as one line of at most n characters that a person can be shown:
// what a model or a comment says may hold control characters, or marks that
// change the direction of text.
func plain(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > n {
		r = append(r[:n-1], '…')
	}
	return string(r)
}
