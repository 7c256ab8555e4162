package catalog

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// harbour is a small database: schema.table, comment after "--", then columns,
// each with what it refers to after ">" and its comment after "--".
const harbour = `
port.ships -- vessels that have called here
  id
  shipName
  imo_number -- identification of the hull
  flag_id > port.flags
port.flags
  id
  country
port.calls -- arrivals and departures
  id
  ship_id > port.ships
  berth_id > port.berths
  arrived_at
  left_at
port.berths
  id
  depth
port.cargo_items
  id
  call_id > port.calls
  tonnage
  category_id > port.categories
port.categories
  id
  label
port.ship_inspections
  id
  ship_id > port.ships
  inspector_note
crew.sailors
  id
  ship_id > port.ships
  salary -- monthly wage
crew.sailor_secrets
  id
  passphrase
`

func parseCatalog(t *testing.T, text string) *Catalog {
	t.Helper()
	c := &Catalog{Database: "test", ServerVersion: 170000}
	for line := range strings.Lines(text) {
		head, comment, _ := strings.Cut(strings.TrimRight(line, "\n"), " -- ")
		head, ref, refers := strings.Cut(head, " > ")
		column, isColumn := strings.CutPrefix(head, "  ")
		switch {
		case head == "":
		case !isColumn:
			schema, name, _ := strings.Cut(head, ".")
			c.Relations = append(c.Relations, &Relation{OID: uint32(20000 + len(c.Relations)), Schema: schema, Name: name, Kind: Table, Comment: comment})
		default:
			r := c.Relations[len(c.Relations)-1]
			r.Columns = append(r.Columns, Column{Name: column, Number: int16(len(r.Columns) + 1), Comment: comment})
			if refers {
				schema, name, _ := strings.Cut(ref, ".")
				r.ForeignKeys = append(r.ForeignKeys, ForeignKey{Columns: []string{column}, RefSchema: schema, RefTable: name, RefColumns: []string{"id"}})
			}
		}
	}
	return c
}

func TestSearch(t *testing.T) {
	c := parseCatalog(t, harbour)
	tests := []struct {
		words string
		want  []string // the first ones
	}{
		{"ships", []string{"port.ships (name)", "port.ship_inspections (name)"}},
		{"which ship arrived last?", []string{"port.calls (column)", "port.ships (name)"}},
		{"category", []string{"port.categories (name)", "port.cargo_items (column)"}},
		{"hull", []string{"port.ships (comment)"}},
		{"CargoItem", []string{"port.cargo_items (name)"}},
		{"monthly wage of sailors", []string{"crew.sailors (comment)", "crew.sailor_secrets (name)"}},
		{"salor", []string{"crew.sailors (name)", "crew.sailor_secrets (name)"}},
		{"catgory", []string{"port.categories (name)", "port.cargo_items (column)"}},
		{"berths", []string{"port.berths (name)", "port.calls (column)"}},
		{"depth", []string{"port.berths (column)", "port.calls (foreign key of port.berths)"}},
		{"", nil},
		{"xylophone", nil},
	}
	for _, tt := range tests {
		t.Run(tt.words, func(t *testing.T) {
			var got []string
			for _, m := range c.Search(tt.words, 100) {
				got = append(got, fmt.Sprintf("%s (%s)", m.Relation, m.Why))
			}
			if tt.want == nil && len(got) > 0 || len(got) < len(tt.want) || !slices.Equal(got[:len(tt.want)], tt.want) {
				t.Errorf("got %q, want first %q", got, tt.want)
			}
		})
	}
}

func TestSearchIsTheSameEachTime(t *testing.T) {
	first := parseCatalog(t, harbour).Search("ship call category", 100)
	for range 20 {
		again := parseCatalog(t, harbour).Search("ship call category", 100)
		if diff := cmp.Diff(first, again); diff != "" {
			t.Fatal(diff)
		}
	}
	if got := parseCatalog(t, harbour).Search("ship call category", 2); len(got) != 2 {
		t.Errorf("%d matches with limit 2", len(got))
	}
}

func TestWords(t *testing.T) {
	tests := map[string]string{
		"order_lines":            "order line",
		"orderLines":             "order line",
		"HTTPServerLog":          "http server log",
		"address2":               "address 2",
		"Categories & boxes":     "category box",
		"movies, classes, buses": "movy class buse",
		"status analysis":        "status analysis",
		"Größe_in_m²":            "größe in m",
		"注文 数":                   "注文 数",
		"__":                     "",
	}
	for text, want := range tests {
		if got := strings.Join(slices.Collect(words(text)), " "); got != want {
			t.Errorf("words(%q) = %q, want %q", text, got, want)
		}
	}
	if !slices.IsSorted(stopWords) {
		t.Error("stopWords are not sorted")
	}
}
