package guard

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"testing"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/policy"
)

var update = flag.Bool("update", false, "rewrite the expected verdicts in testdata, and docs/refusals.md")

// fixture is the policy over testdata/fixture.sql, whose catalog is kept beside
// it so that no test here needs a server. The tests in oracle rewrite it.
func fixture() (*policy.Policy, error) {
	c, cfg, err := readFixture()
	if err != nil {
		return nil, err
	}
	return policy.Compile(cfg, "practice").Close(c), nil
}

func readFixture() (*catalog.Catalog, *config.Config, error) {
	f, err := os.Open("testdata/catalog.json")
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	c, err := catalog.Read(f)
	if err != nil {
		return nil, nil, err
	}
	b, err := os.ReadFile("testdata/policy.json")
	if err != nil {
		return nil, nil, err
	}
	cfg := &config.Config{}
	if err := json.Unmarshal(b, cfg); err != nil {
		return nil, nil, err
	}
	return c, cfg, nil
}

func practice(t testing.TB) *policy.Policy {
	t.Helper()
	p, err := fixture()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// verdict is Check's, with its error as what it is.
func verdict(t testing.TB, sql string, p *policy.Policy) (Statement, *Refusal) {
	t.Helper()
	s, err := Check(sql, p)
	if err == nil {
		return s, nil
	}
	refusal, ok := errors.AsType[*Refusal](err)
	if !ok {
		t.Fatalf("Check(%q): %v is no *Refusal", sql, err)
	}
	return s, refusal
}
