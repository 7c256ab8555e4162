-- A veterinary practice: the database that the guard's tests are about.
--
-- Readable schemas: clinic, report. Blocked: schema vault; tables clinic.cards and
-- clinic.log_private; columns clinic.owners.iban, clinic.owners.pin_hash,
-- clinic.staff.salary and clinic.codes_secret.code. Schema lab is neither readable nor blocked. Of the functions
-- clinic.age_in_years, clinic.visits_of, clinic.calendar, clinic.plus_one,
-- clinic.owner_of, clinic.keepers, clinic.handover, clinic.set_config,
-- clinic.keeper_of, clinic.sitter_of, clinic.initcap, clinic.marked and
-- clinic.marking are allowed.

CREATE SCHEMA clinic;
CREATE SCHEMA report;
CREATE SCHEMA vault;
CREATE SCHEMA lab;
SET search_path = clinic;

-- Types. label checks nothing, email does: making one of it runs code.
CREATE TYPE species AS ENUM ('cat', 'dog', 'bird', 'other');
CREATE TYPE address AS (street text, city text, zip text);
CREATE TYPE household AS (head text, place address);
CREATE DOMAIN label AS text;
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
CREATE TYPE vault.pair AS (a int, b text);
CREATE TYPE lab.grade AS ENUM ('good', 'bad');

CREATE TABLE owners (
	id       int PRIMARY KEY,
	name     text NOT NULL,
	city     text,
	email    email,
	iban     text, -- blocked
	pin_hash text, -- blocked
	since    date NOT NULL,
	tags     text[] NOT NULL DEFAULT '{}',
	prefs    jsonb NOT NULL DEFAULT '{}',
	home     address,
	friends  address[]
);
CREATE INDEX owners_iban ON owners (iban);
CREATE TABLE vip_owners (level int NOT NULL) INHERITS (owners);
CREATE TABLE pets (
	id       int PRIMARY KEY,
	owner_id int NOT NULL REFERENCES owners,
	name     text NOT NULL,
	kind     species NOT NULL,
	born     date,
	weight   numeric(6, 2),
	chip     uuid,
	label    label
);
CREATE TABLE visits (
	id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	pet_id  int NOT NULL REFERENCES pets,
	seen_at timestamptz NOT NULL,
	reason  text,
	cost    numeric(10, 2) NOT NULL,
	during  tstzrange,
	doc     xml,
	"Vet"   text
);
CREATE TABLE staff (id int PRIMARY KEY, boss_id int REFERENCES staff, name text NOT NULL, role text NOT NULL, salary numeric); -- salary blocked
-- The names of blocked columns, in a table where they are not.
CREATE TABLE suppliers (id int PRIMARY KEY, name text, iban text, salary numeric, token text);
CREATE TABLE "Odd Names" (id int, "Col A" text, "select" text);
CREATE TABLE invoices (id int NOT NULL, pet_id int, total numeric NOT NULL, issued date NOT NULL) PARTITION BY RANGE (issued);
CREATE TABLE invoices_2024 PARTITION OF invoices FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE invoices_2025 PARTITION OF invoices FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');

-- Blocked.
CREATE TABLE cards (id int NOT NULL, owner_id int, number text NOT NULL, expires date NOT NULL) PARTITION BY RANGE (expires);
CREATE TABLE p_rest PARTITION OF cards DEFAULT;
CREATE TABLE log (id int, at timestamptz NOT NULL DEFAULT now(), what text);
CREATE TABLE log_private () INHERITS (log);
CREATE TABLE vault.keys (id int, token text);
CREATE SEQUENCE vault.hidden;
CREATE TABLE codes (code text);
CREATE TABLE codes_secret () INHERITS (codes); -- code blocked
CREATE TABLE lab.results (id int, pet_id int, value numeric);
CREATE SEQUENCE tickets;

-- Views: what may be shown, and what reaches something blocked.
CREATE VIEW pet_list AS SELECT p.id, p.name, p.kind, o.name AS owner FROM pets p JOIN owners o ON o.id = p.owner_id;
CREATE VIEW owner_accounts AS SELECT id, name, iban AS account FROM owners;
CREATE VIEW accounts_again AS SELECT account AS a, id FROM owner_accounts;
CREATE VIEW german_owners AS SELECT id, name FROM owners WHERE iban LIKE 'DE%';
CREATE VIEW owner_rows AS SELECT id, to_jsonb(o) AS doc FROM owners o;
CREATE VIEW key_list AS SELECT id FROM vault.keys;
CREATE VIEW report.monthly AS SELECT date_trunc('month', seen_at) AS month, count(*) AS visits, sum(cost) AS income FROM visits GROUP BY 1;
CREATE MATERIALIZED VIEW report.busiest AS SELECT pet_id, count(*) AS visits FROM visits GROUP BY pet_id;
CREATE MATERIALIZED VIEW report.ibans AS SELECT id, iban FROM owners;
-- Views of which some columns may be read, and some that have their rows by what may not.
CREATE VIEW account_ends AS SELECT o.id, o.name, right(o.iban, 4) AS "Ends", p.name AS pet FROM owners o LEFT JOIN pets p ON p.owner_id = o.id;
CREATE VIEW contacts AS SELECT id, name, email::text AS contact FROM owners UNION ALL SELECT id, name, iban FROM owners;
CREATE VIEW contacts_once AS SELECT id, name FROM owners UNION SELECT id, iban FROM owners;
CREATE VIEW with_card AS SELECT o.id, o.name, (SELECT c.number FROM cards c WHERE c.owner_id = o.id LIMIT 1) AS card FROM owners o;
CREATE VIEW rich AS SELECT s.id, s.name, row_number() OVER (ORDER BY s.salary) AS place FROM staff s;
CREATE VIEW payroll AS SELECT role, count(*) AS n, sum(salary) AS paid FROM staff GROUP BY role;
CREATE VIEW paid_alike AS SELECT a.name FROM staff a JOIN staff b USING (salary);
CREATE VIEW account_rows AS SELECT a AS row, a.id FROM owner_accounts a;
CREATE VIEW locals WITH (security_barrier) AS SELECT id, name, pin_hash AS code FROM owners WHERE city = 'Bern';
CREATE VIEW only_ibans AS SELECT iban FROM owners;

-- Functions that may be called.
CREATE FUNCTION age_in_years(born date) RETURNS int LANGUAGE sql STABLE AS 'SELECT extract(year FROM age(born))::int';
CREATE FUNCTION visits_of(pet int) RETURNS SETOF visits LANGUAGE sql STABLE AS 'SELECT * FROM clinic.visits WHERE pet_id = pet';
CREATE FUNCTION calendar(first date, last date) RETURNS TABLE (day date, number int) LANGUAGE sql STABLE
	AS 'SELECT d::date, row_number() OVER ()::int FROM generate_series(first, last, interval ''1 day'') d';
CREATE FUNCTION plus_one(i int, OUT more int) LANGUAGE sql IMMUTABLE AS 'SELECT i + 1';

-- Rows with blocked columns, as values: of a column, of functions that may be called.
CREATE TYPE pairing AS (number int, keeper owners);
CREATE DOMAIN pairings AS pairing[];
CREATE DOMAIN keeper AS owners;
CREATE TABLE adoptions (id int, taker owners, earlier owners[], others pairings, keeper keeper);
CREATE VIEW takers AS SELECT taker FROM adoptions;
CREATE VIEW taker_names AS SELECT id, (taker).name FROM adoptions;
CREATE VIEW adoption_ids AS SELECT id FROM adoptions;
CREATE FUNCTION owner_of(pet int) RETURNS owners LANGUAGE sql STABLE AS 'SELECT o FROM clinic.owners o JOIN clinic.pets p ON p.owner_id = o.id WHERE p.id = pet';
CREATE FUNCTION keepers() RETURNS owners[] LANGUAGE sql STABLE AS 'SELECT array_agg(o) FROM clinic.owners o';
CREATE FUNCTION handover(pet int, OUT keeper owners, OUT at date) LANGUAGE sql STABLE AS 'SELECT clinic.owner_of(pet), current_date';
CREATE FUNCTION set_config(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i'; -- the name of one of PostgreSQL's own

-- And those that may not: by name, as an overload, an operator, a cast, a check,
-- an aggregate.
CREATE FUNCTION account_of(i int) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT iban FROM clinic.owners WHERE id = i';
CREATE FUNCTION all_owners() RETURNS SETOF owners LANGUAGE sql STABLE AS 'SELECT * FROM clinic.owners';
CREATE FUNCTION execute_text(q text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE q; RETURN 'done'; END $$;
CREATE FUNCTION upper(o owners) RETURNS text LANGUAGE sql STABLE AS 'SELECT o.iban';
CREATE FUNCTION visit_is(v visits, t text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT FROM vault.keys WHERE token LIKE t)';
CREATE OPERATOR = (LEFTARG = visits, RIGHTARG = text, FUNCTION = visit_is);
CREATE OPERATOR @# (RIGHTARG = int, FUNCTION = account_of);
CREATE FUNCTION days_apart(a date, b date) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT abs(a - b)';
CREATE OPERATOR <-> (LEFTARG = date, RIGHTARG = date, FUNCTION = days_apart);
CREATE TYPE account AS (number text);
CREATE FUNCTION to_account(i int) RETURNS account LANGUAGE sql STABLE AS 'SELECT ROW(iban)::clinic.account FROM clinic.owners WHERE id = i';
CREATE CAST (int AS account) WITH FUNCTION to_account(int);
CREATE DOMAIN account_domain AS account;
CREATE FUNCTION abs(i interval) RETURNS text LANGUAGE sql STABLE AS 'SELECT iban FROM clinic.owners LIMIT 1';
CREATE FUNCTION abs(t text) RETURNS text LANGUAGE sql STABLE AS 'SELECT iban FROM clinic.owners LIMIT 1';
CREATE FUNCTION remainder(a interval, b interval) RETURNS text LANGUAGE sql STABLE AS 'SELECT iban FROM clinic.owners LIMIT 1';
CREATE OPERATOR % (LEFTARG = interval, RIGHTARG = interval, FUNCTION = remainder);
CREATE TYPE stamp AS (number int, word text);
CREATE FUNCTION stamp_text(s stamp) RETURNS text LANGUAGE sql STABLE AS 'SELECT iban FROM clinic.owners LIMIT 1';
CREATE FUNCTION stamp_true(s stamp) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT FROM vault.keys)';
CREATE FUNCTION stamp_json(s stamp) RETURNS json LANGUAGE sql STABLE AS 'SELECT to_json(o) FROM clinic.owners o LIMIT 1';
CREATE CAST (stamp AS text) WITH FUNCTION stamp_text(stamp) AS IMPLICIT;
CREATE CAST (stamp AS boolean) WITH FUNCTION stamp_true(stamp) AS ASSIGNMENT;
CREATE CAST (stamp AS json) WITH FUNCTION stamp_json(stamp);
CREATE TYPE envelope AS (sender account, mark stamp);
CREATE FUNCTION join_iban(s text, o owners) RETURNS text LANGUAGE sql AS 'SELECT s || o.iban';
CREATE AGGREGATE join_ibans(owners) (SFUNC = join_iban, STYPE = text);
CREATE PROCEDURE purge() LANGUAGE sql AS 'DELETE FROM clinic.log';
CREATE FUNCTION vault.top_key() RETURNS text LANGUAGE sql STABLE AS 'SELECT token FROM vault.keys LIMIT 1';

-- An explicit cast, which || runs too when it is given a text.
CREATE TYPE seal AS (number int);
CREATE FUNCTION seal_text(s seal) RETURNS text LANGUAGE sql STABLE AS 'SELECT iban FROM clinic.owners LIMIT 1';
CREATE CAST (seal AS text) WITH FUNCTION seal_text(seal);

-- Functions and an operator that may be called: of some PostgreSQL chooses one by
-- the types of the arguments, to others it converts them.
CREATE FUNCTION keeper_of(pet int) RETURNS owners LANGUAGE sql STABLE AS 'SELECT clinic.owner_of(pet)';
CREATE FUNCTION keeper_of(pet text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT pet';
CREATE FUNCTION sitter_of(pet int) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT pet::text';
CREATE FUNCTION sitter_of(pet text) RETURNS owners LANGUAGE sql STABLE AS 'SELECT clinic.owner_of(1)';
CREATE FUNCTION initcap(p pets) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT initcap(p.name)';
CREATE FUNCTION marked(mark stamp, word text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT word';
CREATE FUNCTION marking(word text, mark stamp) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT word';
CREATE OPERATOR |> (LEFTARG = stamp, RIGHTARG = text, FUNCTION = marked);
CREATE OPERATOR <| (LEFTARG = text, RIGHTARG = stamp, FUNCTION = marking);
CREATE VIEW ages AS SELECT id, age_in_years(born) AS age FROM pets;
CREATE VIEW besides AS SELECT p.id, (SELECT to_jsonb(o) FROM owners o WHERE o.id = p.owner_id) AS owner,
	(SELECT to_jsonb(s) FROM suppliers s WHERE s.id = p.id) AS supplier FROM pets p;
CREATE VIEW counts AS SELECT id, (SELECT count(*) FROM pg_class) AS relations FROM pets;

-- A view whose blocked columns have names that PostgreSQL makes up elsewhere.
CREATE VIEW folded AS SELECT id, lower(iban), upper(iban) AS value FROM owners;

-- Called like PostgreSQL's own, for types that those do not take.
CREATE TYPE kinds AS RANGE (SUBTYPE = species);
CREATE DOMAIN stamps AS stamp;
CREATE FUNCTION quote_nullable(i interval) RETURNS text LANGUAGE sql STABLE AS 'SELECT iban FROM clinic.owners LIMIT 1';
CREATE FUNCTION quote_literal(s species) RETURNS text LANGUAGE sql STABLE AS 'SELECT iban FROM clinic.owners LIMIT 1';
CREATE FUNCTION quote_ident(VARIADIC i int[]) RETURNS text LANGUAGE sql STABLE AS 'SELECT iban FROM clinic.owners LIMIT 1';
CREATE FUNCTION jsonb_object(i bigint[]) RETURNS text LANGUAGE sql STABLE AS 'SELECT iban FROM clinic.owners LIMIT 1';
CREATE FUNCTION to_hex(a anyelement) RETURNS text LANGUAGE sql STABLE AS 'SELECT iban FROM clinic.owners LIMIT 1';
CREATE FUNCTION stamp_is(s stamp, a anyelement) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT FROM vault.keys)';
CREATE OPERATOR = (LEFTARG = stamp, RIGHTARG = anyelement, FUNCTION = stamp_is);
CREATE OPERATOR ## (LEFTARG = stamp, RIGHTARG = anyelement, FUNCTION = stamp_is);
CREATE FUNCTION seal_true(s seal) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT FROM vault.keys)';
CREATE CAST (seal AS boolean) WITH FUNCTION seal_true(seal) AS ASSIGNMENT;
CREATE FUNCTION seals_text(s seal[]) RETURNS text LANGUAGE sql STABLE AS 'SELECT iban FROM clinic.owners LIMIT 1';
CREATE CAST (seal[] AS text) WITH FUNCTION seals_text(seal[]);
CREATE CAST (varchar AS species) WITH INOUT;
CREATE FUNCTION strip(t text[]) RETURNS text LANGUAGE sql STABLE AS 'SELECT iban FROM clinic.owners LIMIT 1';
CREATE FUNCTION array_ndims(i int[]) RETURNS text LANGUAGE sql STABLE AS 'SELECT iban FROM clinic.owners LIMIT 1';
CREATE FUNCTION array_dims(s seal[]) RETURNS text LANGUAGE sql STABLE AS 'SELECT iban FROM clinic.owners LIMIT 1';
CREATE FUNCTION ascii(i invoices) RETURNS text LANGUAGE sql STABLE AS 'SELECT iban FROM clinic.owners LIMIT 1';
CREATE TYPE tally AS (number int);
CREATE FUNCTION to_tally(m money) RETURNS tally LANGUAGE sql STABLE AS 'SELECT ROW(1)::clinic.tally';
CREATE CAST (money AS tally) WITH FUNCTION to_tally(money) AS IMPLICIT;
CREATE FUNCTION to_tally(t text) RETURNS tally LANGUAGE sql STABLE AS 'SELECT ROW(1)::clinic.tally';
CREATE CAST (text AS tally) WITH FUNCTION to_tally(text) AS IMPLICIT;
CREATE FUNCTION billed(i invoices) RETURNS text LANGUAGE sql STABLE AS 'SELECT iban FROM clinic.owners LIMIT 1';
CREATE FUNCTION chr(t tally) RETURNS text LANGUAGE sql STABLE AS 'SELECT iban FROM clinic.owners LIMIT 1';
