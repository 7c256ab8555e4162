-- A library. What the tests block: schema vault, tables public.fines and
-- public.loans_private, columns *.pin and *.email.
create schema vault;
create schema stacks;   -- is not listed
create schema tools;    -- is not listed, but a function in it is allowed
create schema "Odd ""Schema's";

create table books (id int primary key, title text, shelf int);
create table readers (id int primary key, name text, email text, pin text);
create table fines (reader int, amount numeric);
create table vault.keys (id int, key text);
create table stacks.shelves (id int, room text);
create table "Odd ""Schema's"."select" ("from" int, "Größe" text, "pin" text, "a
b" int);
create table "Odd ""Schema's".ünïcödé_ünïcödé_ünïcödé_ünïcödé_ünïcöd (id int);
create table pins (pin text);
create table nothing ();

create table loans (id int, day date, email text) partition by range (day);
create table loans_2024 partition of loans for values from ('2024-01-01') to ('2025-01-01');
create table events (id int, note text);
create table events_open () inherits (events);
create table loans_private (pin text) inherits (events);

create view titles as select id, title from books;
create view rooms as select id, room from stacks.shelves;
create view names as select id, name from readers;
create view mails as select id, email as contact from readers;
create view dues as select sum(amount) from fines;

create materialized view shelf_counts as select shelf, count(*) from books group by shelf;
create materialized view pin_counts as select pin, count(*) from readers group by pin;
create sequence counter;

create function tools.price(int) returns int language sql as 'select $1';
create function tools.price(text, variadic int[]) returns int language sql as 'select 1';
create function tools.other() returns int language sql as 'select 1';
create function secret_count() returns bigint language sql security definer as 'select count(*) from vault.keys';
create procedure clean() language sql as 'delete from fines';
create aggregate tools.longest(text) (sfunc = textcat, stype = text);
create aggregate tools.nth(float8 order by anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_final, finalfunc_extra, finalfunc_modify = read_write);
create aggregate tools.rank_of(variadic "any" order by variadic "any") (sfunc = ordered_set_transition_multi, stype = internal, finalfunc = rank_final, finalfunc_extra, hypothetical);
select lo_from_bytea(4711, 'letter');
