-- A support desk: made data, the same on every run.

create schema maker; -- the tools that make the data; dropped below

-- A number from 0 to n-1 that looks random and depends on its arguments alone:
-- hash partitions rely on this function, so it stays what it is.
create function maker.dice(what text, i bigint, n int) returns int
	immutable parallel safe language sql
	return (hashtextextended(what, i) & 268435455)::int % n;

create function maker.pick(what text, i bigint, variadic choices text[]) returns text
	immutable parallel safe language sql
	return choices[1 + maker.dice(what, i, cardinality(choices))];

create type ticket_status as enum ('open', 'waiting', 'resolved', 'closed');
create type priority as enum ('low', 'normal', 'high', 'urgent');
create type channel as enum ('email', 'chat', 'phone', 'form');

create table teams (
	id   int primary key,
	name text not null unique
);

create table agents (
	id       int primary key,
	name     text not null,
	email    text not null unique,
	salary   numeric(10,2) not null,
	team_id  int not null references teams,
	hired_on date not null,
	active   boolean not null
);

create table customers (
	id       int primary key,
	name     text not null,
	email    text not null unique,
	phone    text,
	company  text,
	plan     text not null check (plan in ('free', 'standard', 'business')),
	since    date not null
);

create table tickets (
	id             int primary key,
	customer_id    int not null,
	agent_id       int,
	subject        text not null,
	status         ticket_status not null,
	priority       priority not null,
	channel        channel not null,
	opened_at      timestamptz not null,
	first_reply_at timestamptz check (first_reply_at >= opened_at),
	resolved_at    timestamptz check (resolved_at >= opened_at)
);

create table messages (
	id        int primary key,
	ticket_id int not null,
	author    text not null check (author in ('customer', 'agent')),
	sent_at   timestamptz not null,
	body      text not null
);

create table satisfaction (
	ticket_id   int primary key,
	score       smallint not null check (score between 1 and 5),
	remark      text,
	answered_at timestamptz not null
);

comment on table teams is 'Teams of the support desk';
comment on table agents is 'People who answer tickets';
comment on column agents.active is 'Still works here';
comment on table customers is 'Who asks for support; not the accounts of the shop';
comment on column customers.plan is 'Support plan: free, standard or business';
comment on table tickets is 'One row a request for help';
comment on column tickets.agent_id is 'Who has taken it; null: nobody yet';
comment on column tickets.first_reply_at is 'First answer by an agent; null: none yet';
comment on column tickets.resolved_at is 'When it was resolved; null: not yet';
comment on table messages is 'The conversation of each ticket';
comment on column messages.body is 'Personal: what customers write';
comment on table satisfaction is 'Answers to the survey after a ticket; most customers give none';
comment on column satisfaction.remark is 'Personal: what customers write';
comment on column satisfaction.score is 'From 1 (unhappy) to 5 (happy)';

insert into teams values (1, 'Orders and delivery'), (2, 'Payments'), (3, 'Products'), (4, 'Accounts');

insert into agents
select i, name, format('%s@desk.example.com', lower(replace(name, ' ', '.'))), 31000 + 250 * maker.dice('salary', i, 90),
	1 + i % 4, date '2018-02-01' + maker.dice('hired', i, 2300), i % 9 <> 0
from generate_series(1, 36) i,
	lateral (select maker.pick('first', i, 'Alma', 'Boris', 'Clea', 'Dunja', 'Edgar', 'Flora', 'Gil', 'Hilde', 'Ines', 'Jasper')
		|| ' ' || (array['Adler', 'Berg', 'Corti', 'Dahl', 'Engel', 'Falk', 'Gallo', 'Hart', 'Isler'])[1 + i / 4 % 9] || (array['', '-Kranz', '-Lund', '-Moser'])[1 + i % 4]) n (name);

insert into customers
select i, first || ' ' || last, format('%s.%s.%s@example.org', lower(first), lower(last), i),
	'+00 555 ' || lpad(maker.dice('phone', i, 1000000)::text, 6, '0'),
	case when maker.dice('firm', i, 3) = 0 then last || maker.pick('kind', i, ' and Sons', ' Trading', ' Studio', ' Works') end,
	maker.pick('plan', i, 'free', 'free', 'free', 'standard', 'standard', 'business'),
	date '2021-06-01' + maker.dice('since', i, 1500)
from generate_series(1, 4000) i,
	lateral (select maker.pick('first', i, 'Ada', 'Bruno', 'Carla', 'Dario', 'Elif', 'Femke', 'Goran', 'Hanna', 'Ivo', 'Juno', 'Kaya', 'Linus')) f (first),
	lateral (select maker.pick('last', i, 'Abendroth', 'Brook', 'Castello', 'Duval', 'Eriksen', 'Fontane', 'Gruber', 'Holm', 'Ilves', 'Jansen', 'Keller', 'Lacroix')) l (last);

-- 20,000 tickets of 2024 and 2025; the last days' are not all answered.
insert into tickets
select i, 1 + maker.dice('customer', i, 4000), case when not fresh then agent end,
	maker.pick('subject', i, 'Where is my order?', 'Refund not received', 'Wrong item in the parcel', 'Cannot log in', 'Invoice with the wrong address', 'Damaged on arrival', 'How do I assemble it?', 'Change of delivery address', 'Coupon does not work', 'Question about the warranty'),
	(case when fresh then 'open' else maker.pick('status', i, 'resolved', 'closed', 'closed', 'closed', case when at > '2025-12-01Z' then 'waiting' else 'closed' end) end)::ticket_status,
	maker.pick('priority', i, 'low', 'low', 'normal', 'normal', 'normal', 'normal', 'high', 'urgent')::priority,
	maker.pick('channel', i, 'email', 'email', 'email', 'chat', 'chat', 'phone', 'form')::channel,
	at, case when not fresh then reply end, null
from generate_series(1, 20000) i,
	lateral (select timestamptz '2024-01-01 07:00Z' + floor(730 * i / 20001.0) * interval '1 day' + maker.dice('minute', i, 660) * interval '1 minute') a (at),
	lateral (select 1 + maker.dice('agent', i, 36)) g (agent),
	lateral (select at + (4 + maker.dice('reply', i, 120) * (1 + agent % 4)) * interval '1 minute') r (reply),
	lateral (select at > '2025-12-29Z' and maker.dice('fresh', i, 3) > 0) f (fresh);

update tickets
set resolved_at = first_reply_at + (20 + maker.dice('effort', id, 900) * (1 + maker.dice('hard', id, 5))) * interval '1 minute'
where status in ('resolved', 'closed');

insert into messages
select row_number() over (order by t.id, n), t.id, case when n % 2 = 1 then 'customer' else 'agent' end,
	case n when 1 then t.opened_at when 2 then t.first_reply_at else t.first_reply_at + (n - 2) * interval '17 minutes' end,
	case when n % 2 = 1
		then maker.pick('wrote', t.id * 10 + n, 'Hello, please help me with this.', 'It still does not work.', 'Thank you, that was it.', 'My address has changed, please note the new one.')
		else maker.pick('answered', t.id * 10 + n, 'Thank you for writing to us.', 'I have looked into it.', 'A new parcel is on its way.', 'The refund will arrive within five days.') end
from tickets t, generate_series(1, 4) n
where n = 1 or t.first_reply_at is not null and n <= 2 + maker.dice('talk', t.id, 3);

insert into satisfaction
select t.id, greatest(1, 5 - maker.dice('happy', t.id, 3) - case when t.first_reply_at - t.opened_at > interval '5 hours' then maker.dice('late', t.id, 3) else 0 end),
	case when maker.dice('remark', t.id, 6) = 0 then maker.pick('said', t.id, 'Quick and friendly', 'Took too long', 'Solved at once', 'I had to explain it twice') end,
	t.resolved_at + maker.dice('survey', t.id, 72) * interval '1 hour'
from tickets t
where t.resolved_at is not null and maker.dice('answers', t.id, 10) < 3;

-- Checked all at once, which is quicker than row by row.
alter table tickets add foreign key (customer_id) references customers, add foreign key (agent_id) references agents;
alter table messages add foreign key (ticket_id) references tickets;
alter table satisfaction add foreign key (ticket_id) references tickets;

create index on tickets (customer_id);
create index on tickets (agent_id);
create index on tickets (opened_at);
create index on messages (ticket_id);

create view ticket_times as
select id as ticket_id, first_reply_at - opened_at as until_first_reply, resolved_at - opened_at as until_resolved
from tickets;
comment on view ticket_times is 'How long each ticket took, from when it was opened';

drop schema maker cascade;

analyze teams, agents, customers, tickets, messages, satisfaction;
