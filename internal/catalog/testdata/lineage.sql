-- The tables that the views of lineage.txt read.
create table owners (id int primary key, name text, city text, iban text, tags text[], since date, prefs jsonb, doc xml);
create table vips (level int) inherits (owners);
create table pets (id int primary key, owner_id int, name text, kind text, weight numeric);
create table visits (id int, pet_id int, cost numeric, day date) partition by range (day);
create table visits_2024 partition of visits for values from ('2024-01-01') to ('2025-01-01');
create table staff (id int primary key, boss_id int, name text, salary numeric);
create type pair as (number int, word text);
create table held (id int, pair pair, pairs pair[], owner owners);
create sequence tickets;
create function double(i int) returns int language sql immutable as 'select i * 2';
create function pets_of(i int) returns setof pets language sql stable as 'select * from pets where owner_id = i';
create function same(a text, b text) returns boolean language sql immutable as 'select a = b';
create operator === (leftarg = text, rightarg = text, function = same);
