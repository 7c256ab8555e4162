package config

import (
	"slices"
	"strings"
	"testing"
)

func TestLeaves(t *testing.T) {
	leaves := Leaves()
	for _, want := range []string{
		"server.listen",
		"databases.*.url.env",
		"databases.*.url.file",
		"databases.*.pool.max",
		"databases.*.security.blocked.columns",
		"databases.*.security.limits.max_rows",
		"security.blocked.columns",
		"llm.api_key.env",
		"observability.log.format",
	} {
		if !slices.Contains(leaves, want) {
			t.Errorf("%s is missing", want)
		}
	}
	for i, leaf := range leaves {
		if slices.Contains(leaves[:i], leaf) {
			t.Errorf("%s is there twice", leaf)
		}
		if strings.Contains(leaf, "_ordered") || slices.ContainsFunc(leaves, func(l string) bool { return strings.HasPrefix(l, leaf+".") }) {
			t.Errorf("%s is no leaf", leaf)
		}
	}
}

func TestWritten(t *testing.T) {
	paths := []string{"a.b", "d.*.m", "d.*.n"}
	for _, c := range []struct{ src, want string }{
		{"a: b: 1\na: {b: 2}", "a.b"},
		{"d: x: m: 1\na: c: 1", "d.*.m"},
		{"d: [string]: {m: 1, n: 2}", "d.*.m d.*.n"},
		{"a: {", ""},
	} {
		if got := strings.Join(Written([]byte(c.src), paths), " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.src, got, c.want)
		}
	}
}

func TestStrip(t *testing.T) {
	cases := []struct {
		name, src, path, want string
	}{
		{"in a struct", "pool: {\n\tmin: 1\n\tmax: 2\n}", "pool.max", "pool: {\n\tmin: 1\n}\n"},
		{"in one line", `pool: {min: 1, max: 2}`, "pool.min", "pool: {max: 2}\n"},
		{"in a chain", `a: b: c: 1`, "a.b.c", "a: b: {}\n"},
		{"in the middle of a chain", `a: b: c: 1`, "a.b", "a: {}\n"},
		{"at the top", "a: 1\nb: 2", "a", "b: 2\n"},
		{"the only one", "a: 1", "a", "\n"},
		{"written twice", "a: b: 1\na: {b: 1, c: 2}", "a.b", "a: {}\na: {c: 2}\n"},
		{"quoted", `"a": "b": 1, a: c: 2`, "a.b", "\"a\": {}, a: c: 2\n"},
		{"several names", "d: x: {m: 1, n: 2}\nd: y: m: 3", "d.*.m", "d: x: {n: 2}\nd: y: {}\n"},
		{"a pattern of the author's", "d: [string]: m: 3", "d.*.m", "d: [string]: {}\n"},
		{"a pattern with a name", "d: [N=string]: m: 3", "d.*.m", "d: [N=string]: {}\n"},
		{"embedded", "d: {{m: 1}, n: 2}", "d.m", "d: {{}, n: 2}\n"},
		{"unified", "d: _x & {m: 1, n: 2}", "d.m", "d: _x & {n: 2}\n"},
		{"in a comprehension", "for n in [1] {d: m: n}", "d.m", "for n in [1] {d: {}}\n"},
		{"under a condition", "d: {if true {m: 1}}", "d.m", "d: {if true {}}\n"},
		{"below an import", "import \"pgmcp.dev/config:pgmcp\"\n\npgmcp.#Config & {d: m: 1}", "d.m", "import \"pgmcp.dev/config:pgmcp\"\n\npgmcp.#Config & {d: {}}\n"},
		{"comments stay", "// about a\na: 1\n// about b\nb: 2", "a", "// about b\nb: 2\n"},
		{"not there", "a: b: 1", "a.c", "a: b: 1"},
		{"a helper is no setting", "d: _m: m: 1", "d.*.m", "d: _m: m: 1"},
		{"a definition is no setting", "d: #m: m: 1", "d.*.m", "d: #m: m: 1"},
		{"the name elsewhere", "a: m: 1\nb: m: 2", "b.m", "a: m: 1\nb: {}\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, changed, err := Strip([]byte(c.src), c.path)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if changed != (c.want != c.src) {
				t.Errorf("changed = %v", changed)
			}
		})
	}
	if _, _, err := Strip([]byte("a: {"), "a"); err == nil {
		t.Error("no error for text that is not CUE")
	}
}
