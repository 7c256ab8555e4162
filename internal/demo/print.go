package demo

import (
	"bytes"
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
)

// indent is text with three spaces before each line that is not empty.
func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		if line != "\n" {
			b.WriteString("   ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// indented indents the lines that are written to it, a whole line at a time.
type indented struct{ w io.Writer }

func (i indented) Write(p []byte) (int, error) {
	_, err := io.WriteString(i.w, indent(string(p)))
	return len(p), err
}

// sayGoodbye says how to go on with a database of one's own.
func (o Options) sayGoodbye() {
	o.say(`All of it was made data, and is removed now. With a database of your own:

   %s init postgres://...   writes config.cue, with what it would block
   %[1]s vet config.cue         checks what you make of that

and then, in the folder of config.cue:

`, o.Program)
	o.sayClients("pgmcp", "$PWD/config.cue")
	o.say("\nTo connect a client to the demo's databases instead: %s demo --keep\n", o.Program)
}

// sayConnect says how a client connects to what is still there.
func (o Options) sayConnect(config string) {
	o.say("Both databases are up until you press Ctrl-C. Clients start pgmcp by themselves:\n\n")
	o.sayClients("pgmcp-demo", config)
	o.say("\nOr have all questions of a case file asked and measured:\n   %s eval %s --config %s --format table\n",
		o.Program, filepath.Join(filepath.Dir(config), "cases.sql"), config)
	o.say("\nOr ask from here:\n   %s ask --config %s --db shop %q\n", o.Program, config, clearQuestion)
}

func (o Options) sayClients(name, config string) {
	type server struct {
		Command string   `json:"command"`
		Args    []string `json:"args"`
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(map[string]any{"mcpServers": map[string]server{ // strings cannot fail
		name: {o.Program, []string{"serve", strings.Replace(config, "$PWD", "/path/to", 1)}},
	}})
	o.say("   claude mcp add %s -- %s serve %s\n\n", name, o.Program, config)
	o.say("or in the JSON of Claude Desktop, Cursor and others:\n\n%s", indent(b.String()))
}
