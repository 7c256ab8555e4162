package demo

import (
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

var (
	//go:embed config.cue
	configText string
	//go:embed cases.sql
	cases string
	//go:embed golden
	goldens embed.FS
	//go:embed verified
	queries embed.FS
)

// A Model is an OpenAI-compatible one. Its key is in OPENAI_API_KEY.
type Model struct {
	BaseURL string
	Name    string
}

// String says who answers.
func (m *Model) String() string {
	if m == nil {
		return "golden answers to the questions of the tour and of cases.sql, written by hand (with OPENAI_API_KEY a real one)"
	}
	return m.Name + " at " + m.BaseURL
}

// settings are the model's part of the configuration.
func (m *Model) settings() string {
	if m == nil {
		return `
// Nothing is asked of a model: these files hold all the answers there are.
llm: {
	model:  "demo"
	replay: "golden"
}
`
	}
	return fmt.Sprintf(`
llm: {
	base_url: %s
	model:    %s
	api_key: env: "OPENAI_API_KEY"
}
`, quoted(m.BaseURL), quoted(m.Name))
}

func quoted(s string) []byte {
	b, _ := json.Marshal(s) // a string cannot fail; CUE reads JSON's strings
	return b
}

// write puts the configuration and what it refers to into a folder, and
// returns the configuration's path.
func write(folder string, dbs *databases, m *Model) (string, error) {
	if err := os.CopyFS(folder, queries); err != nil {
		return "", fmt.Errorf("write verified queries: %w", err)
	}
	if m == nil {
		if err := os.CopyFS(folder, goldens); err != nil {
			return "", fmt.Errorf("write golden answers: %w", err)
		}
	}
	config := filepath.Join(folder, "config.cue")
	for path, text := range map[string]string{
		config:                             configText + m.settings(),
		filepath.Join(folder, "cases.sql"): cases,
		filepath.Join(folder, "shop.url"):  dbs.shop.url,
		filepath.Join(folder, "desk.url"):  dbs.desk.url,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	return config, nil
}
