package nearest

import "testing"

func TestName(t *testing.T) {
	names := []string{"orders", "order_items", "customers", "id", "customer_id", "größe"}
	tests := map[string]string{
		"order":       "orders",
		"ORDERS":      "orders",
		"odrers":      "orders",
		"custmer_id":  "customer_id",
		"order_itens": "order_items",
		"di":          "id",
		"grösse":      "größe",
		"x":           "",
		"payments":    "",
		"":            "",
	}
	for mistyped, want := range tests {
		if got := Name(mistyped, names); got != want {
			t.Errorf("Name(%q) = %q, want %q", mistyped, got, want)
		}
	}
}
