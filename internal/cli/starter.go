package cli

import (
	"bytes"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"text/template"

	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/literal"

	"github.com/pgmcp/pgmcp/internal/mcpserver"
)

// config is the text of a configuration for what was found.
func (f *foundServer) config() ([]byte, error) {
	var b bytes.Buffer
	if err := starterText().Execute(&b, f); err != nil {
		return nil, err
	}
	return format.Source(b.Bytes())
}

var starterText = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("configuration").Funcs(template.FuncMap{
		"quote": literal.String.Quote,
		"list": func(names []string) string {
			quoted := make([]string, len(names))
			for i, name := range names {
				quoted[i] = literal.String.Quote(name)
			}
			return "[" + strings.Join(quoted, ", ") + "]"
		},
	}).Parse(`// What pgmcp serves, and within which limits. Check it with "pgmcp vet FILE";
// "pgmcp schema" explains every setting and its default.

databases: {
{{- range $i, $db := .Databases}}
	{{- if $.Example}}
	// The name that tools, logs and errors use. Add such a block for each database.
	{{- else}}
	// Database {{printf "%q" .Database}}: {{.Tables}} tables and views.
	{{- end}}
	{{.Name}}: {
		{{- if not $i}}
		// The environment variable with the connection URL. Use a role that may
		// read no more than this file allows: "pgmcp grants" prints its SQL.
		{{- end}}
		url: env: {{quote .Variable}}
		{{- if not $i}}

		// A sentence for models: what is this database about?
		{{- end}}
		description: ""
		{{- if or $.Example (gt (len .Schemas) 1)}}

		// The schemas that can be read; all others are closed.
		schemas: {{list .Schemas}}
		{{- end}}
		{{- if .Blocked}}

		// What nobody may read, guessed by name: remove what is harmless, add
		// what is missing.
		security: blocked: columns: [
			{{- range .Blocked}}
			{{quote .Pattern}}, // {{.Note}}
			{{- end}}
		]
		{{- end}}
	}
{{end -}}
}
{{if .Example}}
// What nobody may read, in any database.
security: blocked: columns: [
	"*.password_hash", // this column of any table
	"public.customers.email",
]
{{end}}
// Limits of every statement.
security: limits: {
	max_rows:          1000
	statement_timeout: "5s"
}

// The model that turns questions into SQL. Without one, every tool but "ask"
// works. Any server with OpenAI's API will do: set base_url.
//
// llm: {
// 	model:   "gpt-4o-2024-08-06"
// 	api_key: env: "OPENAI_API_KEY"
// }
`))
})

// nextSteps says what was written, beside the configuration too, and what to do
// now. The lines work as they are once the password is filled in; the password
// itself is not printed.
func (f *foundServer) nextSteps(output string, beside []string) string {
	var b strings.Builder
	switch {
	case output == "-":
		output = defaultConfig
	case f.Example:
		fmt.Fprintf(&b, "Wrote %s, an example: edit it.\n", output)
	default:
		blocked := 0
		for _, db := range f.Databases {
			blocked += len(db.Blocked)
		}
		fmt.Fprintf(&b, "Wrote %s: %s, %s blocked by name. Look it through.\n", output, mcpserver.Count(len(f.Databases), "database"), mcpserver.Count(blocked, "column"))
	}
	for _, path := range beside {
		fmt.Fprintf(&b, "Wrote %s\n", path)
	}
	b.WriteString("\nNow:\n")
	for _, db := range f.Databases {
		fmt.Fprintf(&b, "  export %s=%s\n", db.Variable, shellQuote(masked(f.url, db.Database)))
	}
	how := "--secrets"
	if f.superuser != "" {
		f.makeRoles(&b, output)
		how = "--connect"
	}
	fmt.Fprintf(&b, "  pgmcp vet %s %s\n", how, shellQuote(output))
	if len(beside) > 0 {
		fmt.Fprintf(&b, "  pgmcp replay %s\n", shellQuote(filepath.Join(filepath.Dir(output), "scenarios")))
	}
	fmt.Fprintf(&b, "  pgmcp serve %s\n", shellQuote(output))
	if hasPassword(f.url) || f.superuser != "" {
		fmt.Fprintf(&b, "\nPut the password in place of %s, special letters as %%XX (%%40 for @, %%3A for :, %%2F for /).\n", passwordMark)
	}
	return b.String()
}

// makeRoles says how to go on from a superuser's URL to roles that can only read.
func (f *foundServer) makeRoles(b *strings.Builder, output string) {
	fmt.Fprintf(b, "\n%s is a superuser, which pgmcp does not serve. Make roles that can only read what the configuration allows:\n", f.superuser)
	for _, db := range f.Databases {
		fmt.Fprintf(b, "  pgmcp grants %s --db %s >%[2]s.sql && psql -v ON_ERROR_STOP=1 -f %[2]s.sql \"$%s\"\n", shellQuote(output), db.Name, db.Variable)
		fmt.Fprintf(b, "  psql -c '\\password pgmcp_%s' \"$%s\"\n", db.Name, db.Variable)
	}
	b.WriteString("\nand with their passwords:\n")
	for _, db := range f.Databases {
		reader := *f.url
		reader.User = url.UserPassword("pgmcp_"+db.Name, passwordMark)
		fmt.Fprintf(b, "  export %s=%s\n", db.Variable, shellQuote(masked(&reader, db.Database)))
	}
}

const passwordMark = "PASSWORD"

// passwords are the parameters of a URL that hold one.
var passwords = []string{"password", "sslpassword"}

// masked is the server's URL for one of its databases, with passwordMark for
// each password in it.
func masked(server *url.URL, database string) string {
	u := *server
	u.Path, u.RawPath = "/"+database, ""
	if _, ok := u.User.Password(); ok {
		u.User = url.UserPassword(u.User.Username(), passwordMark)
	}
	q := u.Query()
	for _, name := range passwords {
		if q.Has(name) {
			q.Set(name, passwordMark)
		}
	}
	q.Del("dbname")
	q.Del("database")
	u.RawQuery = q.Encode()
	return u.String()
}

func hasPassword(u *url.URL) bool {
	if _, ok := u.User.Password(); ok {
		return true
	}
	return u.Query().Has(passwords[0]) || u.Query().Has(passwords[1])
}

// shellQuote is s as one word of a shell.
func shellQuote(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune(plain, r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./"
