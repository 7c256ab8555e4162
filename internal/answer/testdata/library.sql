create schema loans;
create schema closed;
create type medium as enum ('print', 'audio', 'map''s copy');
create type closed.grade as enum ('junior', 'senior');
create domain isbn as text check (value ~ '^[0-9]{13}$');

create table authors (
	id   int primary key,
	name text not null
);
comment on table authors is 'People who wrote a book';

create table books (
	id      int primary key,
	title   text not null,
	medium  medium not null,
	genres  text[] not null default '{}',
	"ISBN"  isbn unique
);
comment on column books."ISBN" is 'Thirteen digits; null for old books';

create table written_by (
	book   int not null references books,
	author int not null references authors,
	place  smallint not null default 1,
	primary key (book, author),
	unique (book, place)
);

create table readers (
	id    int primary key,
	name  text not null,
	email text unique,
	pin   text not null,
	level closed.grade,
	born  date
);
comment on table readers is 'Everyone with a card; the pin opens the door';
comment on column readers.born is 'For books that are not for children';
comment on column readers.pin is 'Four digits';

create table salaries (id int primary key, amount numeric(10,2));

create table branches (
	id      int primary key,
	"order" int not null,
	payer   int references salaries,
	sample  salaries
);

create table loans.loans (
	book     int not null references public.books,
	reader   int not null references public.readers,
	branch   int references public.branches,
	taken    timestamptz not null,
	returned timestamptz,
	primary key (book, taken)
) partition by range (taken);
create table loans.loans_2024 partition of loans.loans for values from ('2024-01-01Z') to ('2025-01-01Z');
comment on table loans.loans is 'One row each time a book is taken';

create view loans.open as select book, reader, taken from loans.loans where returned is null;
create view mailing as select name, email from readers;
create view payments as select amount from salaries;
create materialized view popular as select book, count(*) as times from loans.loans group by book;
create table closed.ledger (id int);

create function due_on(taken timestamptz) returns date stable language sql return (taken + interval '4 weeks')::date;
comment on function due_on is 'The last day of a loan';
create function payroll(s salaries) returns numeric immutable language sql return (s).amount;
create function unlisted() returns int immutable language sql return 1;

insert into authors values (1, 'Ada Pine'), (2, 'Bo Rush');
insert into books values (1, 'Moss', 'print', '{nature}', '9780000000017'), (2, 'Fern', 'audio', '{}', null), (3, 'Reed', 'print', '{}', null);
insert into written_by values (1, 1), (2, 1), (3, 2);
insert into readers values (1, 'Cy Lane', 'cy@example.com', '1111', 'senior', '1980-02-03'), (2, 'Di Moor', null, '2222', 'junior', null);
insert into loans.loans values (1, 1, null, '2024-02-01Z', '2024-02-20Z'), (2, 1, null, '2024-03-01Z', null), (1, 2, null, '2024-04-01Z', null);
refresh materialized view popular;
