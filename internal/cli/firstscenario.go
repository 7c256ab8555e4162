package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/template"

	"github.com/pgmcp/pgmcp"
	"github.com/pgmcp/pgmcp/internal/catalog"
)

// A sample is a table of a database that shows what the configuration does.
type sample struct {
	Table   string // quoted where need be, with its schema
	Columns []catalog.Column
	Open    string // a column that may be read
	Closed  string // one that is blocked; empty: there is none
}

// pickSample picks the table that shows most: with a column that may be read, and one
// that may not if there is such a table.
func pickSample(tables []*catalog.Relation) *sample {
	var best *sample
	for _, r := range tables {
		s := &sample{Table: r.Quoted(), Columns: r.Columns}
		for _, c := range r.Columns {
			switch private := suspect(c) != ""; {
			case private && s.Closed == "":
				s.Closed = c.Name
			case !private && s.Open == "":
				s.Open = c.Name
			}
		}
		if s.Open != "" && (best == nil || best.Closed == "" && s.Closed != "") {
			best = s
		}
	}
	return best
}

// beside are the files that go with a configuration: its first scenario, and what
// makes CI run it. They are keyed by their paths beside it.
func (f *foundServer) beside(config string) (map[string]string, error) {
	var b bytes.Buffer
	data := struct {
		*foundServer
		Config string
	}{f, filepath.Base(config)}
	if err := firstScenario().Execute(&b, data); err != nil {
		return nil, err
	}
	return map[string]string{
		filepath.Join("scenarios", "first.txtar"):          b.String(),
		filepath.Join(".github", "workflows", "pgmcp.yml"): pgmcp.Workflow,
	}, nil
}

// writeBeside writes files into the folder of a configuration and returns the paths
// of those that it has written. What is there already is somebody's work, and stays.
func writeBeside(config string, files map[string]string) ([]string, error) {
	var written []string
	for name, text := range files {
		path := filepath.Join(filepath.Dir(config), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		_, err = f.WriteString(text)
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		written = append(written, path)
	}
	slices.Sort(written)
	return written, nil
}

var firstScenario = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("scenario").Funcs(template.FuncMap{
		"name": catalog.Quote,
		"type": plainType,
		"call": func(database, column, table string) (string, error) {
			args, err := json.Marshal(map[string]string{
				"database": database,
				"sql":      fmt.Sprintf("select %s from %s", catalog.Quote(column), table),
			})
			return "execute_sql '" + strings.ReplaceAll(string(args), "'", "''") + "'", err
		},
	}).Parse(`# What {{.Config}} allows can be read, and what it blocks cannot.
# "pgmcp replay --help-script" explains the commands.
cp $FOLDER/../{{.Config}} config.cue
{{range .Databases}}db {{.Name}} {{.Name}}.sql
{{end}}mcp connect a pgmcp serve config.cue
mcp call a list_databases
{{range $db := .Databases}}{{with .Sample}}
# in database {{$db.Name}}
mcp call a {{call $db.Name .Open .Table}}
{{if .Closed}}! mcp call a {{call $db.Name .Closed .Table}}
expect code blocked_column
{{end}}{{end}}{{end}}
{{- range $db := .Databases}}
-- {{.Name}}.sql --
-- as much of the database as the scenario needs
{{range .Schemas}}{{if ne . "public"}}create schema {{name .}};
{{end}}{{end}}{{with .Sample}}create table {{.Table}} (
{{- range $i, $c := .Columns}}{{if $i}},{{end}}
	{{name .Name}} {{type .Type}}{{end}}
);
{{end}}{{end}}`))
})

// plainType is a type that every server has: what a column is made of does not
// matter to who may read it.
func plainType(name string) string {
	switch name {
	case "smallint", "integer", "bigint", "numeric", "boolean", "date", "timestamp with time zone", "uuid", "jsonb":
		return name
	}
	return "text"
}
