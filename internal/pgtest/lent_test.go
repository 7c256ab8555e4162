package pgtest

import (
	"errors"
	"strings"
	"testing"
)

// Another process uses the same server, and can start one like it.
func TestLentServer(t *testing.T) {
	s := Any(t)
	for _, variable := range Env([]*Server{s}) {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	lent, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if lent.URL() != s.URL() || lent.Source() != "url" {
		t.Errorf("it is %s at %s, not %s", lent.Source(), lent.URL(), s.URL())
	}
	other, err := lent.Another(t.Context())
	if s.another == nil {
		if !errors.Is(err, ErrGiven) {
			t.Errorf("of a server that was given: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if other.Version() != s.Version() || other.URL() == s.URL() {
		t.Errorf("the other one is %v at %s", other, other.URL())
	}

	t.Setenv("PGMCP_TEST_ORIGINS", "")
	given, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := given.Another(t.Context()); !errors.Is(err, ErrGiven) {
		t.Errorf("of a server that was given: %v", err)
	}
}
