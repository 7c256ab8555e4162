create schema port;
create schema crew;
create schema "Old Ledger";

-- types
create type port.cargo_kind as enum ('liquid', 'bulk', 'container');
alter type port.cargo_kind add value 'livestock' before 'container';
create type port.dimensions as (length_m numeric(6,2), beam_m numeric(6,2), names text[]);
create domain port.tonnage as numeric(10,1);
create domain port.heavy as port.tonnage check (value > 1000);
create type port.depth_range as range (subtype = numeric);

-- tables, keys, indexes
create table port.flags (
	code char(2) primary key,
	country text not null unique
);
comment on table port.flags is 'countries that a ship can be registered in';
create table port.ships (
	id bigint generated always as identity primary key,
	name varchar(60) not null,
	flag char(2) not null references port.flags,
	gone int,
	size port.dimensions,
	kinds port.cargo_kind[] default '{bulk}',
	gross port.tonnage,
	built date default current_date,
	label text generated always as (upper(name) || ' ' || flag) stored,
	replaces bigint references port.ships,
	unique (name, flag)
);
alter table port.ships drop column gone;
comment on column port.ships.gross is 'gross tonnage';
create unique index ships_label on port.ships (lower(name));
create unique index ships_built on port.ships (built) where built > '2000-01-01';
create unique index ships_replaces on port.ships (replaces) include (name);
create index ships_gross on port.ships (gross desc);

create table port.visits (
	ship bigint not null references port.ships (id),
	arrived date not null,
	berth int,
	primary key (ship, arrived, berth)
) partition by range (arrived);
create table port.visits_2023 partition of port.visits for values from ('2023-01-01') to ('2024-01-01');
create table port.visits_2024 partition of port.visits for values from ('2024-01-01') to ('2025-01-01') partition by list (berth);
create table port.visits_2024_north partition of port.visits_2024 for values in (1, 2);
create table port.visits_2024_rest partition of port.visits_2024 default;
create table port.bills (
	id int primary key,
	ship bigint,
	arrived date,
	berth int,
	foreign key (ship, arrived, berth) references port.visits
);

create table crew.people (id int primary key, name text, wage numeric);
create table crew.officers (rank text) inherits (crew.people);
create unlogged table "Old Ledger"."Einträge Größe" ("Größe" int, "sélect" text, "a.b" text);
create sequence port.ticket;
create temporary table passing (id int);
create foreign data wrapper nowhere;
create server elsewhere foreign data wrapper nowhere;
create foreign table port.weather (at timestamptz, knots real) server elsewhere;

-- functions, operators, casts
create function port.knots(kmh numeric) returns numeric language sql immutable as 'select kmh / 1.852';
create function port.knots(kmh text) returns numeric language sql stable security definer as 'select kmh::numeric / 1.852';
comment on function port.knots(numeric) is 'from kilometres an hour';
create function port.bounds(in ship bigint, out first date, inout last date, out kinds port.cargo_kind[])
	language sql as 'select null::date, null::date, null::port.cargo_kind[]';
create function port.fleet(flag text) returns table (id bigint, name text) language sql as 'select id, name from port.ships';
create function port.all_ships() returns setof port.ships language sql as 'select * from port.ships';
create function port.deeper(port.dimensions, port.dimensions) returns boolean language sql immutable as 'select $1.beam_m > $2.beam_m';
create function pg_catalog.harbour_depth() returns int language sql immutable as 'select 12';
create procedure port.leave() language sql as 'delete from port.visits';
create function port.touch() returns trigger language plpgsql as 'begin return new; end';
create aggregate port.widest(numeric) (sfunc = numeric_larger, stype = numeric);
create operator port.>>> (leftarg = port.dimensions, rightarg = port.dimensions, function = port.deeper);
create operator port.!! (rightarg = text, function = lower);
create function port.as_text(port.dimensions) returns text language sql immutable as 'select $1.length_m::text';
create cast (port.dimensions as text) with function port.as_text(port.dimensions) as assignment;
create cast (port.dimensions as json) with inout;
alter extension plpgsql add function port.touch();
alter extension plpgsql add domain port.heavy;

-- views
create view port.names as select id, name from port.ships where gross > 10;
comment on view port.names is 'for the harbour office';
create view port.shouted as select upper(n.name) as name, port.knots(3) as k from port.names n;
create view port.rows as select s.id, to_json(s) as doc from port.ships s;
create view port.how_many as select count(*) from port.ships;
create view port.tables as select relname from pg_class;
create view port.exported as select query_to_xml('select * from crew.people', true, true, '') as doc;
create view port.ordered as select a.id from port.ships a, port.ships b where a.size operator(port.>>>) b.size;
create view port."Joined" as
	with v as (select ship, max(arrived) as latest from port.visits group by ship)
	select f.country, v.latest from v join port.ships on ships.id = v.ship join port.flags f on f.code = ships.flag
	where exists (select from crew.people p where p.wage > 10);
create materialized view port.totals as select flag, sum(gross) as gross from port.ships group by flag;
create unique index totals_flag on port.totals (flag);
