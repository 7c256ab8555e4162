package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/pgtest"
)

// The dashboard and the alert rules ask for metrics and labels that there are.
func TestDeployFilesFitTheMetrics(t *testing.T) {
	shown := metricsOfEveryKind(t)
	for file, exprs := range map[string][]string{"grafana.json": dashboard(t), "alerts.yaml": alerts(t)} {
		if len(exprs) < 5 {
			t.Errorf("%s: %d expressions", file, len(exprs))
		}
		for _, expr := range exprs {
			for _, problem := range unknown(expr, shown) {
				t.Errorf("%s: %s: %s", file, expr, problem)
			}
		}
	}
	for _, wrong := range []string{"pgmcp_nonsense > 0", `pgmcp_orphans{color="red"}`, "sum by (color) (pgmcp_orphans)"} {
		if len(unknown(wrong, shown)) == 0 {
			t.Errorf("%s: nothing is found wrong with it", wrong)
		}
	}
}

// metricsOfEveryKind are the metrics that a service shows, and the labels of each,
// after operations of every kind.
func metricsOfEveryKind(t *testing.T) map[string][]string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("SHOP_URL", pgtest.Open(t, ""))
	path := filepath.Join(dir, "config.cue")
	text := `databases: shop: url: env: "SHOP_URL"
security: allow_privileged_role: true
observability: audit: file: "audit.jsonl"`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := loadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := (&app{stderr: io.Discard}).open(t.Context(), cfg, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.end()
	db, err := s.databases.Get(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Policy(t.Context()); err != nil { // there is a catalog
		t.Fatal(err)
	}
	for _, kind := range []call.Kind{call.Tool, call.Statement, call.Model} {
		for _, failed := range []error{nil, errors.New("out of paper")} {
			call.Do(t.Context(), s.chain, call.Op{Kind: kind, Name: "x"}, func(ctx context.Context) (int, error) {
				if f := call.FactsOf(ctx); kind == call.Tool {
					f.Source, f.Score = "model", new(0.5)
				}
				return 0, failed
			})
		}
	}
	w := httptest.NewRecorder()
	s.meter.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	shown := map[string][]string{}
	for line := range strings.Lines(w.Body.String()) {
		if m := shownAs.FindStringSubmatch(line); m != nil {
			shown[m[1]] = append(shown[m[1]], "instance") // Prometheus adds it
			for _, l := range label.FindAllStringSubmatch(m[2], -1) {
				shown[m[1]] = append(shown[m[1]], l[1])
			}
		}
	}
	return shown
}

var (
	shownAs = regexp.MustCompile(`^([a-z_]+)(?:\{(.*)\})? `)
	label   = regexp.MustCompile(`([a-z_]+)\s*[=!]~?=?"`)
	by      = regexp.MustCompile(`by \(([a-z_, ]*)\)`)
	asked   = regexp.MustCompile(`\b((?:mcp|db|gen_ai|pgmcp)_[a-z_]+)(\{[^}]*\})?`)
	texts   = regexp.MustCompile(`"[^"]*"`)
	matcher = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!=|!~|=)\s*""`)
)

// unknown is what an expression asks for that is not shown.
func unknown(expr string, shown map[string][]string) []string {
	var problems, grouped []string
	for _, m := range by.FindAllStringSubmatch(expr, -1) {
		grouped = append(grouped, strings.Split(m[1], ", ")...)
	}
	rest := texts.ReplaceAllString(by.ReplaceAllString(expr, ""), `""`)
	found := asked.FindAllStringSubmatch(rest, -1)
	if len(found) == 0 {
		problems = append(problems, "no metric")
	}
	for _, m := range found {
		labels, ok := shown[m[1]]
		if !ok {
			problems = append(problems, "there is no metric "+m[1])
			continue
		}
		wanted := slices.Clone(grouped)
		for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
			wanted = append(wanted, l[1])
		}
		for _, l := range wanted {
			if !slices.Contains(labels, l) {
				problems = append(problems, m[1]+" has no label "+l)
			}
		}
	}
	return problems
}

func dashboard(t *testing.T) (exprs []string) {
	t.Helper()
	var d struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal(read(t, "grafana.json"), &d); err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			exprs = append(exprs, target.Expr)
		}
	}
	return exprs
}

func alerts(t *testing.T) (exprs []string) {
	t.Helper()
	var a struct {
		Groups []struct{ Rules []struct{ Expr string } }
	}
	if err := yaml.Unmarshal(read(t, "alerts.yaml"), &a); err != nil {
		t.Fatal(err)
	}
	for _, g := range a.Groups {
		for _, r := range g.Rules {
			exprs = append(exprs, r.Expr)
		}
	}
	return exprs
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../docs/deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
