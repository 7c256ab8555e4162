package catalog_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/pgtest"
)

func TestQuote(t *testing.T) {
	for name, want := range map[string]string{
		"orders": "orders", "order": `"order"`, "Orders": `"Orders"`, "o rder": `"o rder"`, "größe": `"größe"`,
		`a"b`: `"a""b"`, "1st": `"1st"`, "_x$1": "_x$1", "$x": `"$x"`, "name": "name", "with": `"with"`, "all": `"all"`, "": `""`,
	} {
		if got := catalog.Quote(name); got != want {
			t.Errorf("Quote(%q) = %s, want %s", name, got, want)
		}
	}
	r := &catalog.Relation{Schema: "public", Name: "order"}
	if got := r.Quoted(); got != `public."order"` {
		t.Errorf("Quoted is %s", got)
	}
}

// What each server reserves is quoted.
func TestQuoteReserved(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		rows, err := connect(t, s.URL(), nil).Query(t.Context(), "select word from pg_get_keywords() where catcode in ('R', 'T')")
		if err != nil {
			t.Fatal(err)
		}
		words, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		if len(words) < 90 {
			t.Fatalf("only %d words are reserved", len(words))
		}
		for _, word := range words {
			if catalog.Quote(word) == word {
				t.Errorf("%s is not quoted", word)
			}
		}
	})
}
