-- A veterinary clinic. What the tests block: schema vault, tables public.payments,
-- public."Köter Liste" and logs.entries_private, columns *.chip and owners.iban.
create schema vault;
create schema logs;
create schema stats;
create schema parts; -- is not listed

create type public.species as enum ('cat', 'dog');
create type vault.grade as enum ('a', 'b');
create type public.weight as (kg numeric, at date);
create domain public.short as varchar(20);
create domain public.checked as text check (length(value) > 2);
create domain public.over_checked as public.checked;
create type public.kg_range as range (subtype = numeric);
create type public.wrapped as (inner_weight public.weight, note public.checked);

create table public.owners (id int primary key, name text, iban text, masked text generated always as ('…' || right(iban, 4)) stored);
create table public.animals (id int primary key, name text, kind public.species, chip text, owner int references public.owners, weight public.weight);
create table public.horses (stable text) inherits (public.animals);
create table public.racehorses (wins int) inherits (public.horses);

create table public.payments (id int, card text, day date) partition by range (day);
create table parts.payments_2024 partition of public.payments for values from ('2024-01-01') to ('2025-01-01') partition by range (day);
create table public.misc partition of parts.payments_2024 default;

create table public.visits (id int, day date, note text) partition by range (day);
create table parts.visits_2024 partition of public.visits for values from ('2024-01-01') to ('2025-01-01');
create table public.visits_rest partition of public.visits default;
create view public.visit_days as select day from public.visits;

create table logs.entries (id int, text text);
create table logs.entries_private () inherits (logs.entries);
create table logs.everything (at date);
create table vault.everything_secret () inherits (logs.everything);
create table logs.people (name text, phone text);
create table logs.people_vip (chip_note text) inherits (logs.people);

create table vault.keys (id int, key text);
create table public."Köter Liste" (id int);
create table parts.rooms (id int, floor int);
create sequence public.counter;

-- functions
create function public.dose(kg numeric) returns numeric language sql immutable as 'select kg * 2';
create function public.tally() returns bigint language sql stable as 'select count(*) from vault.keys';
create function public.clean_up() returns void language sql as 'delete from logs.entries';
create procedure public.purge() language sql as 'delete from logs.entries';
create function vault.open() returns text language sql as 'select ''x''';
create function public.packed(text) returns text language sql immutable as 'select $1';
create function public.packed_secret(text) returns text language sql immutable as 'select $1';
create operator public.|+| (leftarg = numeric, rightarg = numeric, function = numeric_add);
create operator public.### (rightarg = numeric, function = public.dose);
create operator public.@@@ (rightarg = text, function = public.packed);
create operator public.@@@! (rightarg = text, function = public.packed_secret);
create operator public.|+|! (rightarg = text, function = lower);
create domain public.packed_type as text check (value <> '');
alter extension plpgsql add function public.packed(text);
alter extension plpgsql add function public.packed_secret(text);
alter extension plpgsql add domain public.packed_type;
alter extension plpgsql add operator public.|+|! (none, text);

-- views
create view public.names as select id, name from public.animals;
create view public.names_again as select name from public.names;
create view public.chips as select id, chip as code from public.animals;
create view public.chips_again as select id from public.chips;
create view public.by_chip as select id, name from public.animals order by chip;
create view public.documents as select id, to_jsonb(a) as doc from public.animals a;
create view public.counted as select count(*) from public.animals;
create view public.joined as select a.name, o.name as owner from public.animals a join public.owners o on o.id = a.owner;
create view public.masks as select id, masked from public.owners;
create view public.keys as select id from vault.keys;
create view public.misc_days as select day from public.misc;
create view public.rooms as select * from parts.rooms;
create view public.entries as select id from logs.entries;
create view public.doses as select public.dose(3) as dose;
create view public.tallies as select public.tally() as tally;
create view public.operated as select operator(public.###) 3 as dose;
create view public.activity as select query from pg_stat_activity;
create view public.described as select table_name from information_schema.tables;
create view public.exported as select query_to_xml('select * from vault.keys', true, true, '') as doc;
create view public.mine as select id, name from public.owners where name = current_setting('app.name', true);
create view public.numbered as select last_value from public.counter;
create view public.phones as select phone from logs.people;
create materialized view stats.kinds as select kind, count(*) as n from public.animals group by kind;
create materialized view stats.codes as select code from public.chips;
create view stats.chip as select 'none'::text as chip, 1 as id;
create recursive view stats.tree (id, owner) as
	select id, owner from public.animals union all select t.id, o.id from tree t join public.owners o on o.id = t.owner where o.iban is not null;
