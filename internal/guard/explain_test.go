package guard

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestPlanned shows which relations a plan can name, those that it may not show in
// brackets.
func TestPlanned(t *testing.T) {
	p := practice(t)
	for sql, want := range map[string]string{
		"SELECT name FROM pets":             "pets",
		"SELECT id FROM invoices":           "invoices invoices_2024 invoices_2025",
		"SELECT what FROM ONLY log":         "log",
		"SELECT id FROM pet_list":           "owners pet_list pets vip_owners",
		"SELECT id FROM owner_accounts":     "owner_accounts owners vip_owners",
		"SELECT id FROM with_card":          "(cards) (p_rest) owners vip_owners with_card",
		"SELECT id FROM besides":            "(owners) besides pets suppliers vip_owners",
		"SELECT id FROM counts":             "(counts) pets",
		"SELECT pet_id FROM report.busiest": "busiest",
	} {
		s, refusal := verdict(t, sql, p)
		if refusal != nil {
			t.Errorf("%s: %v", sql, refusal)
			continue
		}
		var got []string
		planned := s.Planned()
		for _, name := range slices.Sorted(maps.Keys(planned)) {
			if !planned[name] {
				name = fmt.Sprintf("(%s)", name)
			}
			got = append(got, name)
		}
		slices.Sort(got)
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
}
