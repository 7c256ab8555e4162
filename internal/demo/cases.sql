-- Questions about the demo's two databases, for "pgmcp eval", with SQL that is
-- right. What the questions mean by revenue and the like, comments in the
-- databases say.

-- question: How many orders were placed in 2024?
-- database: shop
select count(*) from orders where ordered_at >= '2024-01-01' and ordered_at < '2025-01-01';

-- question: What was the revenue of each month of 2025?
-- database: shop
select month, revenue from monthly_revenue where month >= '2025-01-01' and month < '2026-01-01';
-- or
select to_char(month, 'YYYY-MM'), revenue from monthly_revenue where month >= '2025-01-01' and month < '2026-01-01';

-- question: Which three cities have the most customers?
-- database: shop
-- ordered
select city from customers group by city order by count(*) desc, city limit 3;

-- question: How many products are discontinued?
-- database: shop
select count(*) from products where discontinued;

-- question: What is the average rating of the products of each top-level category?
-- database: shop
select parent.name, avg(r.rating)
from reviews r
join products p on p.id = r.product_id
join categories c on c.id = p.category_id
join categories parent on parent.id = c.parent_id
group by parent.name;

-- question: Which coupon was used most often in 2025?
-- database: shop
select coupon
from orders
where coupon is not null and ordered_at >= '2025-01-01' and ordered_at < '2026-01-01'
group by coupon
order by count(*) desc, coupon
limit 1;

-- question: What share of the orders of 2025 was returned, in percent with one decimal?
-- database: shop
select round(100.0 * count(*) filter (where status = 'returned') / count(*), 1)
from orders
where ordered_at >= '2025-01-01' and ordered_at < '2026-01-01';

-- question: How much was paid by each payment method in 2024?
-- database: shop
select method, sum(amount) from payments where paid_at >= '2024-01-01' and paid_at < '2025-01-01' group by method;

-- question: Which products have never been ordered?
-- database: shop
select name from products p where not exists (select from order_items i where i.product_id = p.id);
-- or
select sku from products p where not exists (select from order_items i where i.product_id = p.id);
-- or
select id from products p where not exists (select from order_items i where i.product_id = p.id);

-- question: Which customer has placed the most orders?
-- database: shop
select customer_id from orders group by customer_id order by count(*) desc, customer_id limit 1;

-- question: What is the median value of the orders of 2025?
-- database: shop
select percentile_cont(0.5) within group (order by value)
from (
	select sum(i.quantity * i.unit_price) as value
	from orders o
	join order_items i on i.order_id = o.id
	where o.ordered_at >= '2025-01-01' and o.ordered_at < '2026-01-01'
	group by o.id
) v;

-- question: How many customers have never placed an order?
-- database: shop
select count(*) from customers c where not exists (select from orders o where o.customer_id = c.id);

-- question: Which month of 2025 had the highest revenue, and how much more was it than in the month before?
-- database: shop
select month, more
from (select month, revenue, revenue - lag(revenue) over (order by month) as more from monthly_revenue) m
where month >= '2025-01-01' and month < '2026-01-01'
order by revenue desc, month
limit 1;

-- question: How many parcels does the warehouse in Nordhaven hold?
-- database: shop
-- unanswerable

-- question: What do our competitors charge for a bench?
-- database: shop
-- unanswerable

-- question: How many tickets wait for their customer?
-- database: desk
select count(*) from tickets where status = 'waiting';

-- question: How many tickets did each team resolve in 2025?
-- database: desk
select m.name, count(*)
from tickets t
join agents a on a.id = t.agent_id
join teams m on m.id = a.team_id
where t.resolved_at >= '2025-01-01' and t.resolved_at < '2026-01-01'
group by m.name;

-- question: What is the average time until the first reply on each channel?
-- database: desk
select channel, avg(first_reply_at - opened_at) from tickets group by channel;

-- question: Which agents have an average satisfaction of 3.9 or more over at least 150 answers?
-- database: desk
select a.name
from satisfaction s
join tickets t on t.id = s.ticket_id
join agents a on a.id = t.agent_id
group by a.id, a.name
having avg(s.score) >= 3.9 and count(*) >= 150;

-- question: What share of the tickets is escalated to the engineers?
-- database: desk
-- unanswerable

-- question: How many urgent tickets of December 2025 waited more than three hours for a first reply?
-- database: desk
select count(*)
from tickets
where priority = 'urgent' and opened_at >= '2025-12-01' and opened_at < '2026-01-01'
	and first_reply_at - opened_at > interval '3 hours';

-- question: Rank the teams by average satisfaction, the best first.
-- database: desk
-- ordered
select m.name, avg(s.score)
from satisfaction s
join tickets t on t.id = s.ticket_id
join agents a on a.id = t.agent_id
join teams m on m.id = a.team_id
group by m.name
order by avg(s.score) desc, m.name;
-- or
select m.name
from satisfaction s
join tickets t on t.id = s.ticket_id
join agents a on a.id = t.agent_id
join teams m on m.id = a.team_id
group by m.name
order by avg(s.score) desc, m.name;

-- question: How many customers on the business plan have opened more than five tickets?
-- database: desk
select count(*)
from (
	select c.id
	from customers c
	join tickets t on t.customer_id = c.id
	where c.plan = 'business'
	group by c.id
	having count(*) > 5
) c;

-- question: When is the birthday of agent Alma Adler?
-- database: desk
-- unanswerable

-- question: Which subject takes longest to resolve, by the median?
-- database: desk
select subject
from tickets
where resolved_at is not null
group by subject
order by percentile_cont(0.5) within group (order by resolved_at - opened_at) desc, subject
limit 1;

-- question: How many messages does a ticket have on average?
-- database: desk
select avg(n) from (select count(*) as n from messages group by ticket_id) m;
