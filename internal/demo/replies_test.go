package demo

import (
	"encoding/json"
	"maps"
)

// A reply is what a model could say to a question of cases.sql. Some are wrong
// on purpose, and the judge notices not all of them.
type reply struct {
	sql     string
	decline string            // the status "clarify" or "unanswerable", instead of SQL
	message string            // with that
	judge   map[string]string // what the judge finds, where that is not that all is well
}

// replies are by question. They say nothing of how good a model is.
var replies = map[string]reply{
	"How many orders were placed in 2024?": {
		sql: "select count(*) as orders from public.orders o where extract(year from o.ordered_at) = 2024",
	},
	"What was the revenue of each month of 2025?": {
		sql: "select date_trunc('month', o.ordered_at) as month, sum(i.quantity * i.unit_price) as revenue_eur\nfrom public.orders o\njoin public.order_items i on i.order_id = o.id\nwhere o.status in ('paid', 'shipped', 'delivered') and o.ordered_at >= '2025-01-01' and o.ordered_at < '2026-01-01'\ngroup by 1\norder by 1",
	},
	"Which three cities have the most customers?": {
		sql: "select c.city, count(*) as customers from public.customers c group by c.city order by customers desc, c.city limit 3",
	},
	"How many products are discontinued?": {
		sql: "select count(*) filter (where p.discontinued) as discontinued from public.products p",
	},
	"What is the average rating of the products of each top-level category?": { // by sub-category, which the judge sees
		sql:   "select c.name as category, avg(r.rating) as average_rating\nfrom public.reviews r\njoin public.products p on p.id = r.product_id\njoin public.categories c on c.id = p.category_id\ngroup by c.name\norder by c.name",
		judge: map[string]string{"aggregation_grain": "no", "verdict": "no"},
	},
	"Which coupon was used most often in 2025?": { // most orders have none, which nobody sees
		sql: "select o.coupon, count(*) as orders\nfrom public.orders o\nwhere o.ordered_at >= '2025-01-01' and o.ordered_at < '2026-01-01'\ngroup by o.coupon\norder by orders desc, o.coupon\nlimit 1",
	},
	"What share of the orders of 2025 was returned, in percent with one decimal?": {
		sql: "select round(avg(case when o.status = 'returned' then 100 else 0 end), 1) as returned_percent\nfrom public.orders o\nwhere o.ordered_at >= '2025-01-01' and o.ordered_at < '2026-01-01'",
	},
	"How much was paid by each payment method in 2024?": {
		sql:   "select p.method, sum(p.amount) as paid_eur, count(*) as payments\nfrom public.payments p\nwhere p.paid_at >= '2024-01-01' and p.paid_at < '2025-01-01'\ngroup by p.method\norder by p.method",
		judge: map[string]string{"columns_answer_question": "unclear"},
	},
	"Which products have never been ordered?": {
		sql: "select p.id, p.name\nfrom public.products p\nleft join public.order_items i on i.product_id = p.id\nwhere i.product_id is null\norder by p.id",
	},
	"Which customer has placed the most orders?": { // a name, which is blocked
		sql: "select c.name, count(*) as orders\nfrom public.customers c\njoin public.orders o on o.customer_id = c.id\ngroup by c.id, c.name\norder by orders desc, c.id\nlimit 1",
	},
	"What is the median value of the orders of 2025?": { // the mean, which the judge doubts a little
		sql:   "select avg(v.value) as median_eur\nfrom (\n  select o.id, sum(i.quantity * i.unit_price) as value\n  from public.orders o\n  join public.order_items i on i.order_id = o.id\n  where o.ordered_at >= '2025-01-01' and o.ordered_at < '2026-01-01'\n  group by o.id\n) v",
		judge: map[string]string{"columns_answer_question": "unclear"},
	},
	"How many customers have never placed an order?": {
		sql: "select count(*) as customers\nfrom public.customers c\nleft join public.orders o on o.customer_id = c.id\nwhere o.id is null",
	},
	"Which month of 2025 had the highest revenue, and how much more was it than in the month before?": {
		sql:   "select m.month, m.revenue as revenue_eur, m.revenue - m.before as more_eur\nfrom (\n  select r.month, r.revenue, lag(r.revenue) over (order by r.month) as before\n  from public.monthly_revenue r\n) m\nwhere m.month >= '2025-01-01' and m.month < '2026-01-01'\norder by m.revenue desc, m.month\nlimit 1",
		judge: map[string]string{"ambiguity": "minor", "other_reading": "How much more in percent?"},
	},
	"How many parcels does the warehouse in Nordhaven hold?": {
		decline: "unanswerable", message: "There are no warehouses or parcels in this database.",
	},
	"What do our competitors charge for a bench?": { // our own price, which the judge sees
		sql:   "select p.name, p.price as price_eur from public.products p where p.name like '%Bench' order by p.id",
		judge: map[string]string{"intent_matches": "no", "verdict": "no"},
	},

	"How many tickets wait for their customer?": {
		sql:   "select count(*) as waiting_tickets from public.tickets t where t.status = 'waiting'",
		judge: map[string]string{"ambiguity": "minor", "other_reading": "Do open tickets count too?"},
	},
	"How many tickets did each team resolve in 2025?": { // by the day they were opened, which the judge sees
		sql:   "select m.name as team, count(t.resolved_at) as resolved\nfrom public.teams m\njoin public.agents a on a.team_id = m.id\njoin public.tickets t on t.agent_id = a.id\nwhere t.opened_at >= '2025-01-01' and t.opened_at < '2026-01-01'\ngroup by m.id, m.name\norder by m.name",
		judge: map[string]string{"time_window": "no"},
	},
	"What is the average time until the first reply on each channel?": {
		sql: "select t.channel, avg(extract(epoch from t.first_reply_at - t.opened_at)) as seconds\nfrom public.tickets t\ngroup by t.channel\norder by t.channel",
	},
	"Which agents have an average satisfaction of 3.9 or more over at least 150 answers?": { // right, and the judge is mistaken
		sql:   "select a.id, a.name, round(avg(s.score), 2) as satisfaction\nfrom public.agents a\njoin public.tickets t on t.agent_id = a.id\njoin public.satisfaction s on s.ticket_id = t.id\ngroup by a.id, a.name\nhaving count(*) >= 150 and avg(s.score) >= 3.9\norder by a.id",
		judge: map[string]string{"filters_complete": "no"},
	},
	"What share of the tickets is escalated to the engineers?": {
		decline: "clarify", message: "Tickets have a priority and a team, but no escalation: which of them do you mean?",
	},
	"How many urgent tickets of December 2025 waited more than three hours for a first reply?": {
		sql: "select count(*) as tickets\nfrom public.tickets t\njoin public.ticket_times d on d.ticket_id = t.id\nwhere t.priority = 'urgent' and t.opened_at >= '2025-12-01' and t.opened_at < '2026-01-01' and d.until_first_reply > interval '3 hours'",
	},
	"Rank the teams by average satisfaction, the best first.": { // the worst first, which nobody sees
		sql: "select m.name as team, avg(s.score) as satisfaction\nfrom public.satisfaction s\njoin public.tickets t on t.id = s.ticket_id\njoin public.agents a on a.id = t.agent_id\njoin public.teams m on m.id = a.team_id\ngroup by m.id, m.name\norder by satisfaction, m.name",
	},
	"How many customers on the business plan have opened more than five tickets?": {
		sql: "select count(*) as customers\nfrom public.customers c\nwhere c.plan = 'business' and (select count(*) from public.tickets t where t.customer_id = c.id) > 5",
	},
	"When is the birthday of agent Alma Adler?": {
		decline: "unanswerable", message: "Birthdays of agents are not in this database.",
	},
	"Which subject takes longest to resolve, by the median?": { // there is nothing to ask back
		decline: "clarify", message: "Do you mean from the opening of a ticket or from its first reply?",
	},
	"How many messages does a ticket have on average?": {
		sql: "select count(*)::numeric / count(distinct m.ticket_id) as messages_per_ticket from public.messages m",
	},
}

// content is the reply in a stage. One that is to repair SQL writes the same again.
func (r reply) content(question, stage string) string {
	said := map[string]any{"status": "sql", "assumptions": []string{}, "filters": []any{}, "sql": r.sql, "message": r.message}
	if r.decline != "" {
		said["status"] = r.decline
	}
	if stage == "judge" {
		said = map[string]any{
			"reads_as": question, "intent_matches": "yes", "columns_answer_question": "yes", "filters_complete": "yes",
			"filters_correct": "yes", "joins_correct": "yes", "aggregation_grain": "yes", "time_window": "yes",
			"ambiguity": "none", "other_reading": "", "verdict": "yes",
		}
		for item, grade := range maps.All(r.judge) {
			said[item] = grade
		}
	}
	b, _ := json.Marshal(said) // strings cannot fail
	return string(b)
}
