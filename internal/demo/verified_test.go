package demo

import (
	"errors"
	"testing"

	"github.com/pgmcp/pgmcp/internal/answer"
	"github.com/pgmcp/pgmcp/internal/llm"
	"github.com/pgmcp/pgmcp/internal/pgtest"
)

// TestVerifiedQueries asks the demo's databases what their operator vouches for.
// Gold is SQL for the same question, with its values written by hand; without any,
// the question must go to the model, which has no golden answer to it.
func TestVerifiedQueries(t *testing.T) {
	tests := []struct{ db, question, gold string }{
		{"shop", "How many orders were placed from 2025-01-01 to 2025-01-31?", "select count(*) from orders where date_trunc('month', ordered_at) = '2025-01-01Z'"},
		{"shop", "how many orders were placed from 2024-02-29 to 2024-02-29", "select count(*) from orders where ordered_at between '2024-02-29Z' and '2024-02-29 23:59:59.999999Z'"},
		{"shop", "How many orders has customer 17?", "select count(*) from orders where customer_id in (17)"},
		{"shop", "ORDERS OF CUSTOMER 4711", "select count(*) from orders where customer_id in (4711)"},
		{"shop", "How many orders has customer -1?", "select 0::bigint"},
		{"shop", "How many orders are Returned?", "select count(*) from orders where status::text = 'returned'"},
		{"shop", "How many orders are shipped", "select count(*) filter (where status = 'shipped') from orders"},
		{"shop", "Which products cost more than 499.95 euros?", "select sku, name, price from products where not price <= 499.95 order by price desc, sku"},
		{"shop", `How many products are in "GARDEN tools"?`, "select count(*) from products where category_id in (select id from categories where name = 'Garden tools')"},
		{"shop", `How many products does the category "garden' or '1'='1" have?`, "select 0::bigint"},
		{"desk", "How many tickets are open?", "select count(*) from tickets where status::text ~ 'open|waiting'"},
		{"desk", "How many urgent tickets came by phone?", "select count(*) from tickets where (priority, channel) = ('urgent', 'phone')"},
		{"desk", "How many Low tickets came by EMAIL?", "select count(*) from tickets where (priority, channel) = ('low', 'email')"},
		{"desk", "What is the average score of team 2?", "select round(avg(score), 2) from satisfaction where ticket_id in (select t.id from tickets t join agents a on a.id = t.agent_id and a.team_id = 2)"},

		{"shop", "How many orders were placed from 2025-01-01?", ""},
		{"shop", "How many orders were placed from 2025-02-30 to 2025-03-01?", ""},
		{"shop", "How many orders were placed from January to March?", ""},
		{"shop", "How many orders has customer 17 cancelled?", ""},
		{"shop", "How many orders has customer Ada Brook?", ""},
		{"shop", "How many orders are late?", ""},
		{"shop", "How many orders are paid or shipped?", ""},
		{"shop", "Which products cost more than 499,95 euros?", ""},
		{"shop", "Which products cost less than 499.95 euros?", ""},
		{"shop", "How many tickets are open?", ""}, // another database's
		{"desk", "How many tickets are open today?", ""},
		{"desk", "How many urgent tickets came by fax?", ""},
	}
	demo := serve(t, pgtest.Any(t), func(golden llm.Provider) llm.Provider { return golden })
	for _, tt := range tests {
		if *update && tt.gold == "" {
			continue // the model would be whoever writes golden answers
		}
		a, err := demo.pipeline.Answer(t.Context(), answer.Question{Text: tt.question, Database: tt.db}, nil)
		if tt.gold == "" {
			if e, ok := errors.AsType[*answer.Error](err); !ok || e.Code != string(llm.NoGolden) {
				t.Errorf("%s: %v, want no answer without a model", tt.question, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.question, err)
			continue
		}
		s, err := demo.runner.Check(t.Context(), tt.db, tt.gold)
		if err != nil {
			t.Fatal(tt.question, err)
		}
		want, err := demo.runner.Run(t.Context(), s)
		if err != nil {
			t.Fatal(tt.question, err)
		}
		if a.Result == nil || a.Source() != "verified" || a.ModelCalls != 0 || string(a.Result.Rows) != string(want.Rows) {
			t.Errorf("%s: %s\nwant rows %s", tt.question, show(t, a), want.Rows)
		}
	}
}
