-- A web shop: made data, the same on every run.

create schema maker; -- the tools that make the data; dropped below

-- A number from 0 to n-1 that looks random and depends on its arguments alone:
-- hash partitions rely on this function, so it stays what it is.
create function maker.dice(what text, i bigint, n int) returns int
	immutable parallel safe language sql
	return (hashtextextended(what, i) & 268435455)::int % n;

create function maker.pick(what text, i bigint, variadic choices text[]) returns text
	immutable parallel safe language sql
	return choices[1 + maker.dice(what, i, cardinality(choices))];

create type order_status as enum ('pending', 'paid', 'shipped', 'delivered', 'returned', 'cancelled');
create type payment_method as enum ('card', 'bank_transfer', 'invoice', 'wallet');

create table categories (
	id        int primary key,
	name      text not null unique,
	parent_id int references categories
);

create table products (
	id           int primary key,
	sku          text not null unique,
	name         text not null,
	category_id  int not null references categories,
	price        numeric(10,2) not null check (price > 0),
	cost         numeric(10,2) not null check (cost > 0),
	in_stock     int not null check (in_stock >= 0),
	launched_on  date not null,
	discontinued boolean not null default false
);

create table customers (
	id            int primary key,
	name          text not null,
	email         text not null unique,
	phone         text,
	password_hash text not null,
	date_of_birth date,
	iban          text,
	city          text not null,
	country       char(2) not null,
	newsletter    boolean not null default false,
	registered_at timestamptz not null
);

create table orders (
	id          bigint primary key,
	customer_id int not null,
	status      order_status not null,
	ordered_at  timestamptz not null,
	shipped_at  timestamptz check (shipped_at >= ordered_at),
	coupon      text
);

create table order_items (
	order_id   bigint not null,
	line       smallint not null,
	product_id int not null,
	quantity   int not null check (quantity > 0),
	unit_price numeric(10,2) not null
);

create table payments (
	id       bigint not null,
	order_id bigint not null,
	method   payment_method not null,
	amount   numeric(12,2) not null,
	paid_at  timestamptz not null,
	iban     text,
	primary key (id, paid_at)
) partition by range (paid_at);
create table payments_2023 partition of payments for values from ('2023-01-01Z') to ('2024-01-01Z');
create table payments_2024 partition of payments for values from ('2024-01-01Z') to ('2025-01-01Z');
create table payments_2025 partition of payments for values from ('2025-01-01Z') to ('2026-01-01Z');

create table reviews (
	id          int primary key,
	product_id  int not null,
	customer_id int not null,
	rating      smallint not null check (rating between 1 and 5),
	title       text not null,
	written_at  timestamptz not null
);

comment on table categories is 'Product categories; those with a parent are sub-categories';
comment on table products is 'What the shop sells or has sold';
comment on column products.price is 'Today''s price in euro, VAT included; what was paid is order_items.unit_price';
comment on column products.cost is 'What the shop pays for one, in euro';
comment on column products.discontinued is 'No longer sold; kept for old orders';
comment on table customers is 'Everyone with an account';
comment on column customers.email is 'Personal: used to log in';
comment on column customers.iban is 'Personal: account for refunds';
comment on column customers.country is 'ISO 3166 code, such as DE';
comment on column customers.newsletter is 'Has agreed to receive the newsletter';
comment on table orders is 'One row an order; what was ordered is in order_items';
comment on column orders.status is 'Revenue counts paid, shipped and delivered orders';
comment on column orders.shipped_at is 'When it left the warehouse; null before';
comment on column orders.coupon is 'Coupon code that was used, if any';
comment on table order_items is 'The lines of orders';
comment on column order_items.unit_price is 'Price of one in euro when it was ordered';
comment on table payments is 'Payments received, partitioned by year';
comment on table reviews is 'What customers say of products';
comment on column reviews.rating is 'Stars, from 1 (bad) to 5 (excellent)';

insert into categories values
	(1, 'Garden', null), (2, 'Kitchen', null), (3, 'Outdoor', null), (4, 'Office', null), (5, 'Toys', null),
	(6, 'Garden tools', 1), (7, 'Seeds and plants', 1), (8, 'Garden furniture', 1),
	(9, 'Cookware', 2), (10, 'Coffee and tea', 2), (11, 'Knives', 2),
	(12, 'Tents', 3), (13, 'Backpacks', 3), (14, 'Cycling', 3),
	(15, 'Desks and chairs', 4), (16, 'Lamps', 4), (17, 'Paper goods', 4),
	(18, 'Board games', 5), (19, 'Building blocks', 5), (20, 'Plush animals', 5);

with kinds (category, things, low, high) as (values
	(6, array['Spade', 'Rake', 'Hedge shears', 'Watering can'], 12, 60),
	(7, array['Tomato seeds', 'Lavender', 'Herb set', 'Tulip bulbs'], 2, 15),
	(8, array['Bench', 'Deck chair', 'Parasol', 'Folding table'], 40, 260),
	(9, array['Frying pan', 'Saucepan', 'Roasting tin', 'Wok'], 20, 120),
	(10, array['Teapot', 'Coffee grinder', 'Espresso pot', 'Mug'], 8, 140),
	(11, array['Bread knife', 'Chef''s knife', 'Paring knife', 'Sharpener'], 10, 130),
	(12, array['Tunnel tent', 'Dome tent', 'Tarp', 'Sleeping mat'], 30, 420),
	(13, array['Day pack', 'Trekking pack', 'Roll-top pack', 'Dry bag'], 25, 190),
	(14, array['Bicycle lock', 'Bell', 'Pannier', 'Floor pump'], 8, 110),
	(15, array['Standing desk', 'Desk chair', 'Monitor arm', 'Footrest'], 45, 640),
	(16, array['Desk lamp', 'Floor lamp', 'Clip lamp', 'Reading light'], 18, 160),
	(17, array['Notebook', 'Wall planner', 'Sticky notes', 'Envelope set'], 3, 25),
	(18, array['Strategy game', 'Word game', 'Dice game', 'Card game'], 9, 70),
	(19, array['Starter set', 'Castle set', 'Vehicle set', 'Base plates'], 12, 110),
	(20, array['Bear', 'Fox', 'Otter', 'Owl'], 10, 45))
insert into products
select row_number() over (), format('%s-%s', 1000 + category, lpad((thing * 4 + model)::text, 3, '0')),
	format('%s %s', (array['Classic', 'Compact', 'Alpine', 'Studio'])[model], things[thing]), category,
	price, round(price * (45 + maker.dice('margin', seed, 25)) / 100, 2),
	maker.dice('stock', seed, 400), date '2021-01-04' + maker.dice('launch', seed, 700), maker.dice('gone', seed, 12) = 0
from kinds, generate_series(1, 4) thing, generate_series(1, 4) model,
	lateral (select category * 100 + thing * 10 + model) s (seed),
	lateral (select low + maker.dice('price', seed, high - low) + 0.95) p (price);

insert into customers
select i, first || ' ' || last, format('%s.%s.%s@example.com', lower(first), lower(last), i),
	format('+00 555 %s', lpad(maker.dice('phone', i, 1000000)::text, 6, '0')),
	'$argon2id$v=19$' || md5('password' || i),
	date '1948-01-01' + maker.dice('birth', i, 21000),
	case when i % 3 = 0 then 'XX00 ' || lpad(maker.dice('iban', i, 100000000)::text, 16, '0') end,
	(array['Lindenau', 'Port Amber', 'Saint-Orme', 'Valmere', 'Kestrel Bay', 'Nordhaven', 'Casalta', 'Wiesbrück'])[place],
	(array['DE', 'NL', 'FR', 'FR', 'IE', 'DK', 'IT', 'AT'])[place],
	maker.dice('newsletter', i, 5) < 2,
	timestamptz '2021-06-01Z' + (i * 1.7 + maker.dice('registered', i, 40)) * interval '1 hour'
from generate_series(1, 8000) i,
	lateral (select maker.pick('first', i, 'Ada', 'Bruno', 'Carla', 'Dario', 'Elif', 'Femke', 'Goran', 'Hanna', 'Ivo', 'Juno', 'Kaya', 'Linus', 'Mira', 'Nils', 'Oda', 'Pavel', 'Rosa', 'Sven', 'Tilda', 'Umar', 'Vera', 'Wim', 'Yara', 'Zeno')) f (first),
	lateral (select maker.pick('last', i, 'Abendroth', 'Brook', 'Castello', 'Duval', 'Eriksen', 'Fontane', 'Gruber', 'Holm', 'Ilves', 'Jansen', 'Keller', 'Lacroix', 'Marino', 'Novak', 'Okafor', 'Pereira', 'Quist', 'Rossi', 'Silva', 'Thorne', 'Ueda', 'Vogel', 'Winter', 'Yilmaz')) l (last),
	lateral (select 1 + maker.dice('place', i, 64) / (1 + maker.dice('crowd', i, 8)) % 8) p (place);

-- 60,000 orders from 2023 to 2025; more from year to year, and before Christmas.
-- "offset 0" has a subquery worked out once, and not where each part of it is used.
insert into orders
select i, customer, status, at,
	case when status in ('shipped', 'delivered', 'returned') then at + (6 + maker.dice('shipping', i, 90)) * interval '1 hour' end,
	case when maker.dice('coupon', i, 9) = 0 then maker.pick('code', i, 'WELCOME10', 'SPRING', 'FRIENDS', 'WINTER15') end
from generate_series(1, 60000) i,
	lateral (select 1 + maker.dice('customer', i, 8000) * (20 + maker.dice('loyal', i, 101)) / 120 % 8000) c (customer),
	lateral (select timestamptz '2023-01-01 06:00Z'
		+ floor(1094 * power(i / 60000.0::float8, 0.8)) * interval '1 day' + maker.dice('minute', i, 1020) * interval '1 minute' offset 0) d (day),
	lateral (select case when maker.dice('christmas', i, 14) = 0
		then date_trunc('year', day, 'UTC') + interval '11 months' + maker.dice('advent', i, 23) * interval '1 day' + (day - date_trunc('day', day, 'UTC'))
		else day end offset 0) o (at),
	lateral (select (case
		when at > timestamptz '2025-12-27Z' then maker.pick('status', i, 'pending', 'paid', 'paid', 'shipped')
		else (array['shipped', 'returned', 'cancelled', 'delivered'])[1 + least(maker.dice('status', i, 16), 3)]
		end)::order_status offset 0) s (status);

insert into order_items
select o.id, line, p.id, 1 + maker.dice('quantity', seed, 3) * maker.dice('more', seed, 2),
	round(p.price * share, 2)
from orders o, generate_series(1, 4) line,
	lateral (select case when o.ordered_at < '2024-01-01Z' then 0.92 when o.ordered_at < '2025-01-01Z' then 0.96 else 1 end) y (share),
	lateral (select o.id * 10 + line) s (seed),
	lateral (select 1 + maker.dice('product', seed, 240) * (20 + maker.dice('popular', seed, 101)) / 120 % 240) q (product)
	join products p on p.id = product
where line <= 1 + maker.dice('lines', o.id, 4);
alter table order_items add primary key (order_id, line); -- built at once

insert into payments
select o.id, o.id, maker.pick('method', o.id, 'card', 'card', 'card', 'wallet', 'wallet', 'bank_transfer', 'invoice')::payment_method,
	sum(i.quantity * i.unit_price), least(o.ordered_at + maker.dice('paid', o.id, 50) * interval '1 hour', '2025-12-31 23:00Z'),
	case when o.id % 5 = 0 then 'XX00 ' || lpad(maker.dice('account', o.id, 100000000)::text, 16, '0') end
from orders o join order_items i on i.order_id = o.id
where o.status not in ('pending', 'cancelled')
group by o.id;

insert into reviews
select row_number() over (order by o.id), i.product_id, o.customer_id,
	5 - maker.dice('stars', o.id, 3) * maker.dice('mood', o.id, 3),
	maker.pick('title', o.id, 'As described', 'Would buy again', 'Smaller than expected', 'Sturdy', 'Arrived late, but good', 'Not for me', 'A gift, well received'),
	o.shipped_at + (3 + maker.dice('review', o.id, 20)) * interval '1 day'
from orders o join order_items i on i.order_id = o.id and i.line = 1
where o.status = 'delivered' and maker.dice('reviews', o.id, 4) = 0;

-- Checked all at once, which is quicker than row by row.
alter table orders add foreign key (customer_id) references customers;
alter table order_items add foreign key (order_id) references orders, add foreign key (product_id) references products;
alter table payments add foreign key (order_id) references orders;
alter table reviews add foreign key (product_id) references products, add foreign key (customer_id) references customers;

create index on orders (customer_id);
create index on orders (ordered_at);
create index on order_items (product_id);
create index on reviews (product_id);
create index on payments (order_id);

create view monthly_revenue as
select (date_trunc('month', o.ordered_at, 'UTC') at time zone 'UTC')::date as month, count(distinct o.id) as orders, sum(i.quantity * i.unit_price) as revenue
from orders o join order_items i on i.order_id = o.id
where o.status in ('paid', 'shipped', 'delivered')
group by 1;
comment on view monthly_revenue is 'Orders and revenue in euro of each month, by the day of the order';

drop schema maker cascade;

analyze categories, products, customers, orders, order_items, payments, reviews;
