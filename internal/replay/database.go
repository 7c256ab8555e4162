package replay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmcp/pgmcp/internal/pgtest"
)

// A database is one that the scenario made.
type database struct {
	admin string        // the superuser's URL
	url   string        // what NAME_URL holds
	proxy *pgtest.Proxy // nil until "proxy"

	session *pgconn.PgConn // the superuser's; nil unless psql has one
}

const suffixMark = "{{suffix}}"

func (s *scenario) db(in invocation) error {
	if len(in.args) < 1 || len(in.args) > 3 {
		return errUsage
	}
	name := in.args[0]
	if s.databases[name] != nil {
		return fmt.Errorf("there is a database %s already", name)
	}
	var script []byte
	if len(in.args) > 1 {
		var err error
		if script, err = s.read(in.args[1]); err != nil {
			return err
		}
	}
	text := strings.ReplaceAll(string(script), suffixMark, s.suffix)
	admin, drop, err := s.server.Fresh(in.ctx, text)
	if err != nil && len(in.args) > 1 {
		err = fmt.Errorf("%s: %w", in.args[1], err)
	}
	if err != nil {
		return err
	}
	switch {
	case s.own: // it goes with the server
	case s.options.Keep:
		s.kept = append(s.kept, "database "+name+" "+admin)
	default:
		if len(s.databases) == 0 {
			s.atEnd(s.dropRoles) // after all databases: the first is the last
		}
		s.atEnd(drop)
	}
	db := &database{admin: admin}
	if db.url, err = s.connectAs(in.ctx, name, admin, in.args[min(2, len(in.args)):]); err != nil {
		return err
	}
	s.databases[name] = db
	s.setenv(variableOf(name), db.url)
	return nil
}

// superuser is what a script says instead of a role.
const superuser = "superuser"

// connectAs is the URL of a database for the role that a script names or, where it
// names none, for a new one that may read everything and write nothing.
func (s *scenario) connectAs(ctx context.Context, name, admin string, role []string) (string, error) {
	var sql string
	switch {
	case len(role) == 0:
		role = []string{"reader_" + name + "_" + s.suffix}
		sql = "create role %s login password '%s'; grant pg_read_all_data to %[1]s"
	case role[0] == superuser:
		return admin, nil
	default:
		sql = "alter role %s login password '%s'"
	}
	const password = "scenario" // no secret: the role lives as long as the scenario
	quoted := `"` + strings.ReplaceAll(role[0], `"`, `""`) + `"`
	if err := s.server.Exec(ctx, fmt.Sprintf(sql, quoted, password)); err != nil {
		return "", err
	}
	u, err := url.Parse(admin)
	if err != nil {
		return "", err
	}
	u.User = url.UserPassword(role[0], password)
	return u.String(), nil
}

// variableOf is the variable that holds the URL of a database.
func variableOf(name string) string { return strings.ToUpper(name) + "_URL" }

// atEnd does something when the script has ended, the last first.
func (s *scenario) atEnd(f func(context.Context) error) {
	s.ts.Defer(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := f(ctx); err != nil {
			s.ts.Logf("%v", err)
		}
	})
}

// dropRoles drops the roles that carry the scenario's suffix and own nothing any more.
func (s *scenario) dropRoles(ctx context.Context) error {
	return s.server.Exec(ctx, fmt.Sprintf(`do $$
declare r name;
begin
	for r in select rolname from pg_roles where rolname like '%%%s' loop
		begin
			execute format('drop role %%I', r);
		exception when dependent_objects_still_exist then
			null; -- another scenario's database has it
		end;
	end loop;
end $$`, s.suffix))
}

func (s *scenario) database(name string) (*database, error) {
	if db := s.databases[name]; db != nil {
		return db, nil
	}
	return nil, fmt.Errorf("there is no database %s; db makes one", name)
}

func (s *scenario) psql(in invocation) error {
	if len(in.args) != 2 {
		return errUsage
	}
	db, err := s.database(in.args[0])
	if err != nil {
		return err
	}
	rows, err := db.query(in.ctx, in.args[1])
	if !s.polling {
		db.close(in.ctx)
	}
	if in.not {
		if err == nil {
			return errors.New("it succeeded")
		}
		fmt.Fprintln(in.stderr, err)
		return nil
	}
	if err != nil {
		return err
	}
	for _, row := range rows {
		fmt.Fprintln(in.stdout, strings.Join(row, "|"))
	}
	return nil
}

// query runs the statements of sql in a session as good as new, as one transaction
// unless they say otherwise, and returns the rows of all as text. The session stays
// for whoever polls: to connect costs more than most of what scenarios ask.
func (db *database) query(ctx context.Context, sql string) ([][]string, error) {
	if db.session != nil && db.session.Ping(ctx) != nil {
		db.close(ctx)
	}
	if db.session == nil {
		conn, err := pgconn.Connect(ctx, db.admin)
		if err != nil {
			return nil, err
		}
		db.session = conn
	}
	results, err := db.session.Exec(ctx, sql).ReadAll()
	if db.session.TxStatus() != 'I' || db.session.Exec(ctx, "discard all").Close() != nil {
		db.close(ctx)
	}
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, r := range results {
		for _, values := range r.Rows {
			row := make([]string, len(values))
			for i, v := range values {
				row[i] = string(v)
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// close ends the session of psql, whether or not it can still be told.
func (db *database) close(ctx context.Context) {
	if db.session != nil {
		db.session.Close(context.WithoutCancel(ctx))
		db.session = nil
	}
}

func (s *scenario) proxy(in invocation) error {
	if len(in.args) != 1 {
		return errUsage
	}
	db, err := s.database(in.args[0])
	if err != nil {
		return err
	}
	if db.proxy != nil {
		return fmt.Errorf("database %s has a proxy already", in.args[0])
	}
	config, err := pgconn.ParseConfig(db.url)
	if err != nil {
		return err
	}
	db.proxy, err = pgtest.NewProxy(net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))))
	if err != nil {
		return err
	}
	s.ts.Defer(func() { db.proxy.Close() })
	u, err := url.Parse(db.url)
	if err != nil {
		return err
	}
	u.Host = db.proxy.Addr()
	s.setenv(variableOf(in.args[0]), u.String())
	return nil
}

func (s *scenario) fault(in invocation) error {
	if len(in.args) < 2 {
		return errUsage
	}
	db, err := s.database(in.args[0])
	if err != nil {
		return err
	}
	if db.proxy == nil {
		return fmt.Errorf("database %s has no proxy; proxy puts one before it", in.args[0])
	}
	switch verb, rest := in.args[1], in.args[2:]; {
	case verb == "delay" && len(rest) == 1:
		d, err := time.ParseDuration(rest[0])
		if err != nil {
			return err
		}
		db.proxy.Delay(d)
	case verb == "cut" && len(rest) == 0:
		db.proxy.Cut()
	case verb == "down" && len(rest) == 0:
		db.proxy.Down(true)
	case verb == "up" && len(rest) == 0:
		db.proxy.Down(false)
		db.proxy.Delay(0)
	default:
		return errUsage
	}
	return nil
}
