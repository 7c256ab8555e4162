package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/policy"
)

func TestCheckLines(t *testing.T) {
	p := policy.Compile(&config.Config{
		Databases: map[string]config.Database{"x": {}},
		Security:  config.Security{Limits: config.Limits{MaxStatementSize: 16 << 10, MaxTokens: 4000}},
	}, "x").
		Close(&catalog.Catalog{Database: "x", ServerVersion: 170000})
	const ok = `"allowed":true,"code":"","message":"","position":0,"hint":"","reads":{"tables":[],"columns":[],"functions":[]}}` + "\n"
	long := `{"id": "` + strings.Repeat("x", maxLine) + `", "sql": "select 1"}`
	tests := []struct {
		name, in, want string
		no             bool
	}{
		{"nothing", "", "", false},
		{"blank lines", "\n \r\n", "", false},
		{"a line without an end", `{"id":"a","sql":"select 1"}`, `{"id":"a",` + ok, false},
		{"line ends of Windows", "{\"id\":\"a\",\"sql\":\"select 1\"}\r\n", `{"id":"a",` + ok, false},
		{"any id", `{"id":{"n":1},"sql":"select 1"}`, `{"id":{"n":1},` + ok, false},
		{"no id", `{"sql":"select 1"}`, "{" + ok, false},
		{"other fields", `{"id":1,"note":"x","sql":"select 1"}`, `{"id":1,` + ok, false},
		{"an empty statement", `{"id":1,"sql":""}`,
			`{"id":1,"allowed":false,"code":"not_one_statement","message":"there is no statement","position":0,"hint":"write one SELECT","reads":{"tables":[],"columns":[],"functions":[]}}` + "\n", true},
		{"a line that is too long", long + "\n" + `{"id":2,"sql":"select 1"}`,
			`{"line":1,"error":"the line is longer than 1048576 bytes"}` + "\n" + `{"id":2,` + ok, true},
		{"a last line that is too long", `{"id":1,"sql":"select 1"}` + "\n" + long,
			`{"id":1,` + ok + `{"line":2,"error":"the line is longer than 1048576 bytes"}` + "\n", true},
		{"lines are counted", "\n\nx\n", `{"line":3,"error":"not a JSON object with id and sql: invalid character 'x' looking for beginning of value"}` + "\n", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			a := &app{stdout: &out}
			err := a.checkLines(t.Context(), strings.NewReader(tt.in), p)
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Error(diff)
			}
			if got := errors.Is(err, errNo); got != tt.no || err != nil && !got {
				t.Errorf("error %v, want no: %v", err, tt.no)
			}
		})
	}
}
