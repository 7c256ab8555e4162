package pgtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	templatePrefix = "pgmcp_template_"
	copyPrefix     = "pgmcp_copy_"
	templateLock   = 7093151502 // advisory lock: one template is made at a time
)

// templates are the databases that this process has made to copy from.
type templates struct {
	mu   sync.Mutex
	made []string
}

// Database makes a database by the SQL script and returns its URL, a superuser's,
// and how to drop it. The script runs as one simple query, so it can hold many
// statements, but none that refuses to run in a transaction. Roles are the whole
// server's, and what alter database sets is lost: the script runs in a template.
func (s *Server) Database(ctx context.Context, script string) (string, func(context.Context) error, error) {
	name := copyPrefix + strings.ToLower(rand.Text())
	err := s.as(ctx, func(c *pgx.Conn) error { return s.copyTemplate(ctx, c, name, script) })
	if err != nil {
		return "", nil, fmt.Errorf("make database: %w", err)
	}
	return s.named(name), func(ctx context.Context) error { return s.drop(ctx, name) }, nil
}

// Fresh is Database for a script that will hardly be used again: it runs in the
// copy of an empty template, which costs less than a template of its own.
func (s *Server) Fresh(ctx context.Context, script string) (string, func(context.Context) error, error) {
	url, drop, err := s.Database(ctx, "")
	if err != nil || script == "" {
		return url, drop, err
	}
	if err := runScript(ctx, url, script); err != nil {
		return "", nil, errors.Join(fmt.Errorf("make database: %w", err), drop(context.WithoutCancel(ctx)))
	}
	return url, drop, nil
}

// copyTemplate makes the template if need be. Its maker may drop it when that
// process ends, between our look and our copy; then it is made again.
func (s *Server) copyTemplate(ctx context.Context, c *pgx.Conn, name, script string) error {
	var err error
	for range 3 {
		var template string
		if template, err = s.template(ctx, c, script); err != nil {
			return err
		}
		// Files are copied in a third of the time that logged pages take. One that
		// is interrupted can be made all the same, and nobody would drop it.
		_, err = c.Exec(context.WithoutCancel(ctx), fmt.Sprintf("create database %s template %s strategy file_copy", name, template))
		if !isCode(err, "3D000") { // invalid_catalog_name: no such template
			return err
		}
	}
	return err
}

// template is the name of the database that the script makes. It is made once,
// one at a time over all processes, because a script may create roles, which all
// databases of the server share.
func (s *Server) template(ctx context.Context, c *pgx.Conn, script string) (string, error) {
	name := templateName(script)
	if ready, err := isTemplate(ctx, c, name); ready || err != nil {
		return name, err
	}
	if _, err := c.Exec(ctx, "select pg_advisory_lock($1)", templateLock); err != nil {
		return "", err
	}
	defer c.Exec(context.WithoutCancel(ctx), "select pg_advisory_unlock($1)", templateLock)
	if ready, err := isTemplate(ctx, c, name); ready || err != nil {
		return name, err
	}
	for _, prefix := range []string{templatePrefix, copyPrefix} { // what killed processes have left
		if err := sweep(ctx, c, prefix, 24*time.Hour); err != nil {
			return "", err
		}
	}
	if _, err := c.Exec(ctx, "drop database if exists "+name); err != nil { // half made by a process that was killed
		return "", err
	}
	// Text sorts the same wherever the server comes from.
	if _, err := c.Exec(ctx, fmt.Sprintf("create database %s template template0 encoding 'UTF8' locale_provider libc lc_collate 'C'", name)); err != nil {
		return "", err
	}
	if err := runScript(ctx, s.named(name), script); err != nil {
		_, dropErr := c.Exec(context.WithoutCancel(ctx), fmt.Sprintf("drop database %s with (force)", name))
		return "", errors.Join(err, dropErr)
	}
	if _, err := c.Exec(ctx, fmt.Sprintf("alter database %s is_template true allow_connections false", name)); err != nil {
		return "", err
	}
	s.templates.mu.Lock()
	defer s.templates.mu.Unlock()
	s.made = append(s.made, name)
	return name, nil
}

func templateName(script string) string {
	hash := sha256.Sum256([]byte(script))
	return templatePrefix + hex.EncodeToString(hash[:8])
}

func isTemplate(ctx context.Context, c *pgx.Conn, name string) (ready bool, err error) {
	err = c.QueryRow(ctx, "select exists (select from pg_database where datname = $1 and datistemplate)", name).Scan(&ready)
	return ready, err
}

func runScript(ctx context.Context, url, script string) error {
	c, err := pgconn.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	_, err = c.Exec(ctx, script).ReadAll()
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Position > 0 {
		before := []rune(script)[:pgErr.Position-1]
		return fmt.Errorf("script line %d: %w", 1+strings.Count(string(before), "\n"), err)
	}
	return err
}

// Sweep drops the templates of all processes from a server that lives on, at the
// end of a test run. A process that still wants one makes it again.
func (s *Server) Sweep(ctx context.Context) error {
	return s.as(ctx, func(c *pgx.Conn) error { return sweep(ctx, c, templatePrefix, 0) })
}

// sweep drops databases that are older than age. What cannot be dropped now is
// in use, or another process drops it.
func sweep(ctx context.Context, c *pgx.Conn, prefix string, age time.Duration) error {
	rows, _ := c.Query(ctx, `
		select datname from pg_database
		where starts_with(datname, $1)
		and (pg_stat_file('base/' || oid || '/PG_VERSION', true)).modification < now() - $2::interval`,
		prefix, age)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range names {
		dropDatabase(ctx, c, name)
	}
	return err
}

func (s *Server) drop(ctx context.Context, names ...string) error {
	err := s.as(ctx, func(c *pgx.Conn) error {
		for _, name := range names {
			if err := dropDatabase(ctx, c, name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("drop database: %w", err)
	}
	return nil
}

func dropDatabase(ctx context.Context, c *pgx.Conn, name string) error {
	if strings.HasPrefix(name, templatePrefix) {
		if _, err := c.Exec(ctx, fmt.Sprintf("alter database %s is_template false", name)); err != nil && !isCode(err, "3D000") {
			return err
		}
	}
	_, err := c.Exec(ctx, fmt.Sprintf("drop database if exists %s with (force)", name))
	return err
}

// dropTemplates drops the templates that this process made.
func (s *Server) dropTemplates(ctx context.Context) error {
	s.templates.mu.Lock()
	defer s.templates.mu.Unlock()
	if len(s.made) == 0 {
		return nil
	}
	err := s.drop(ctx, s.made...)
	s.made = nil
	return err
}

// named is the server's URL with another database.
func (s *Server) named(database string) string {
	u, _ := url.Parse(s.url) // it was parsed when the server was opened
	u.Path = "/" + database
	return u.String()
}

func isCode(err error, code string) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pgErr.Code == code
}
