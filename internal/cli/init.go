package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

func (a *app) init() *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init [URL]",
		Short: "Write a configuration for the databases of a server",
		Long: `Write a commented configuration for the databases that the role in URL may
connect to: their schemas, and columns to block, guessed by their names. Without
URL it takes PGMCP_DATABASE_URL or DATABASE_URL from the environment; without
those it writes an example to begin with.

Beside it, init writes scenarios/first.txtar, which "pgmcp replay scenarios" runs,
and .github/workflows/pgmcp.yml, which runs that in CI; what is there already stays.

The URL is not written: the configuration names an environment variable for each
database, and init prints how to set it.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			url := cmp.Or(os.Getenv("PGMCP_DATABASE_URL"), os.Getenv("DATABASE_URL"))
			if len(args) > 0 {
				url = args[0]
			}
			return a.runInit(cmd.Context(), url, f)
		},
	}
	cmd.Flags().StringArrayVar(&f.only, "db", nil, "only the database `NAME` of the server; may be given again")
	cmd.Flags().StringVarP(&f.output, "output", "o", defaultConfig, "write to `FILE`; - is standard output")
	cmd.Flags().BoolVar(&f.force, "force", false, "replace the file if it is there")
	return cmd
}

type initFlags struct {
	only   []string // databases; empty: all
	output string
	force  bool
}

func (a *app) runInit(ctx context.Context, url string, f initFlags) error {
	if _, err := os.Stat(f.output); err == nil && f.output != "-" && !f.force {
		return fmt.Errorf("%s is there already: --force replaces it, --output names another", f.output)
	}
	if url == "" && len(f.only) > 0 {
		return &usageError{errors.New("--db needs the URL of a server")}
	}
	found := example()
	if url != "" {
		var err error
		if found, err = a.find(ctx, url, f.only); err != nil {
			return err
		}
	}
	text, err := found.config()
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	next := a.stdout
	if f.output == "-" {
		next = a.stderr
		_, err = a.stdout.Write(text)
	} else {
		err = os.WriteFile(f.output, text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	var beside []string
	if f.output != "-" {
		files, err := found.beside(f.output)
		if err == nil {
			beside, err = writeBeside(f.output, files)
		}
		if err != nil {
			return fmt.Errorf("write first scenario: %w", err)
		}
	}
	_, err = fmt.Fprint(next, found.nextSteps(f.output, beside))
	return err
}

// A foundServer is what init writes a configuration for.
type foundServer struct {
	Example   bool // it was not looked at: there may be no such server
	Databases []*foundDatabase

	url       *url.URL
	superuser string // the role in url, if it is one
}

// example is what to write without any server.
func example() *foundServer {
	return &foundServer{
		Example: true,
		Databases: []*foundDatabase{{
			Name: "shop", Variable: "SHOP_URL", Database: "shop", Schemas: []string{"public"},
			Sample: &sample{
				Table:   "public.customers",
				Columns: []catalog.Column{{Name: "id", Type: "bigint"}, {Name: "name", Type: "text"}, {Name: "email", Type: "text"}},
				Open:    "name",
				Closed:  "email",
			},
		}},
		url: &url.URL{Scheme: "postgres", User: url.UserPassword("USER", passwordMark), Host: "localhost:5432"},
	}
}

// A foundDatabase is a database of the server, as the configuration will have it.
type foundDatabase struct {
	Name     string // in the configuration
	Variable string // that its URL will be in
	Database string // in PostgreSQL

	Schemas []string // those with anything to read in them
	Blocked []blockedColumn
	Tables  int
	Sample  *sample // nil: no table has a column to read
}

// A blockedColumn is a column to block, and why.
type blockedColumn struct{ Pattern, Note string }

// initPatience bounds the time for the server, and for each database.
const initPatience = 30 * time.Second

// maintenance is the database that every server has, to connect to. It counts if
// it is the only one, or asked for.
const maintenance = "postgres"

// find connects to the server and looks at the databases that it may connect to,
// or only some of them. One that cannot be looked at is left out, with a warning.
func (a *app) find(ctx context.Context, text string, only []string) (*foundServer, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, &usageError{errors.New(`the URL is not of the form "postgres://user:password@host:5432/database", where special letters of a password are written as %XX`)}
	}
	c, err := pgx.ParseConfig(text)
	if err != nil { // quotes the URL
		return nil, &usageError{errors.New("the URL has a part that PostgreSQL does not know, or names a file that cannot be read")}
	}
	found := &foundServer{url: u}
	names, err := found.list(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, name := range only {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("no database %q that %s may connect to; there are %s", name, c.User, strings.Join(names, ", "))
		}
	}
	hideMaintenance := len(names) > 1 && c.Database != maintenance
	names = slices.DeleteFunc(names, func(name string) bool {
		if len(only) > 0 {
			return !slices.Contains(only, name)
		}
		return hideMaintenance && name == maintenance
	})
	taken := map[string]bool{}
	for _, name := range names {
		c.Database = name
		db := &foundDatabase{Database: name}
		if err := db.look(ctx, c); err != nil {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			fmt.Fprintf(a.stderr, "pgmcp: leaving out database %q: %v\n", name, err)
			continue
		}
		db.name(taken)
		found.Databases = append(found.Databases, db)
	}
	if len(found.Databases) == 0 {
		return nil, errors.New("no database could be read")
	}
	return found, nil
}

// list gives the names of the databases that c's role may connect to, sorted.
func (f *foundServer) list(ctx context.Context, c *pgx.ConnConfig) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, initPatience)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	if conn.PgConn().ParameterStatus("is_superuser") == "on" {
		f.superuser = c.User
	}
	rows, err := conn.Query(ctx, `
		select datname from pg_catalog.pg_database
		where datallowconn and not datistemplate and pg_catalog.has_database_privilege(oid, 'connect')
		order by datname`)
	if err != nil {
		return nil, fmt.Errorf("list databases: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list databases: %w", err)
	}
	return names, nil
}

// look reads the database's catalog.
func (db *foundDatabase) look(ctx context.Context, c *pgx.ConnConfig) error {
	ctx, cancel := context.WithTimeout(ctx, initPatience)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	cat, err := catalog.Load(ctx, conn)
	if err != nil {
		return err
	}
	db.pickOut(cat)
	return nil
}

// pickOut picks out the schemas to serve and the columns to block.
func (db *foundDatabase) pickOut(cat *catalog.Catalog) {
	schemas := map[string]bool{}
	var plain []*catalog.Relation
	for _, r := range cat.Relations {
		if r.Kind == catalog.Sequence {
			continue
		}
		db.Tables++
		schemas[r.Schema] = true
		if r.Partition != "" {
			continue // blocked with what it is a part of
		}
		if r.Kind == catalog.Table && !special.MatchString(r.Schema+r.Name) && !unlistable.MatchString(r.Schema) {
			plain = append(plain, r)
		}
		for _, c := range r.Columns {
			if note := suspect(c); note != "" {
				db.Blocked = append(db.Blocked, blockedColumn{pattern(r.Schema, r.Name, c.Name), note})
			}
		}
	}
	db.Sample = pickSample(plain)
	delete(schemas, "public")
	db.Schemas = []string{"public"}
	for _, name := range cat.Schemas {
		if schemas[name] && !unlistable.MatchString(name) {
			db.Schemas = append(db.Schemas, name)
		}
	}
	slices.Sort(db.Schemas[1:])
}

// pattern fits the name that these parts make, and hardly another: what has a
// meaning in patterns, and what none can hold, becomes "*".
func pattern(parts ...string) string {
	for i, part := range parts {
		parts[i] = special.ReplaceAllString(part, "*")
	}
	return strings.Join(parts, ".")
}

var (
	special    = regexp.MustCompile(`[.*"]|^\s+|\s+$`)
	unlistable = regexp.MustCompile(`\*|^[\s"]|[\s"]$`) // what the configuration takes for a mistake in a schema's name
)

// name gives the database a name that the configuration allows and no other has.
func (db *foundDatabase) name(taken map[string]bool) {
	name := strings.Trim(unfit.ReplaceAllString(strings.ToLower(db.Database), "_"), "_")
	if name == "" || name[0] < 'a' || name[0] > 'z' {
		name = "db_" + name
	}
	name = name[:min(len(name), 60)]
	db.Name = name
	for n := 2; taken[db.Name]; n++ {
		db.Name = fmt.Sprintf("%s_%d", name, n)
	}
	taken[db.Name] = true
	db.Variable = strings.ToUpper(db.Name) + "_URL"
}

var unfit = regexp.MustCompile(`[^a-z0-9]+`)
