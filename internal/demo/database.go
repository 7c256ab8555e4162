package demo

import (
	"context"
	"crypto/rand"
	_ "embed" // the databases are scripts
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmcp/pgmcp/internal/catalog"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/grants"
	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/policy"
)

var (
	//go:embed shop.sql
	shopScript string
	//go:embed desk.sql
	deskScript string
)

// databases are the demo's, on a server.
type databases struct {
	server     *pgtest.Server
	role       string
	shop, desk *database
}

type database struct {
	admin string // a superuser's URL
	url   string // for the demo's role
	drop  func(context.Context) error
}

// load makes both databases at the same time, and a role of their own. What it
// returns is to be dropped, even with an error.
func load(ctx context.Context, server *pgtest.Server) (*databases, error) {
	// Roles belong to the whole server, which may not be ours alone.
	dbs := &databases{server: server, role: "pgmcp_demo_" + strings.ToLower(rand.Text()[:6]), shop: &database{}, desk: &database{}}
	password := rand.Text()
	err := execute(ctx, server.URL(), fmt.Sprintf("create role %s login password '%s'", dbs.role, password))
	if err != nil {
		return dbs, fmt.Errorf("create role: %w", err)
	}
	var both sync.WaitGroup
	var noShop, noDesk error
	login := url.UserPassword(dbs.role, password)
	both.Go(func() { noShop = dbs.shop.load(ctx, server, shopScript, login) })
	both.Go(func() { noDesk = dbs.desk.load(ctx, server, deskScript, login) })
	both.Wait()
	return dbs, errors.Join(noShop, noDesk)
}

func (db *database) load(ctx context.Context, server *pgtest.Server, script string, login *url.Userinfo) error {
	admin, drop, err := server.Database(ctx, "")
	if err != nil {
		return err
	}
	db.admin, db.drop = admin, drop
	u, err := url.Parse(admin)
	if err != nil {
		return err
	}
	u.User = login
	db.url = u.String()
	if err := execute(ctx, admin, script); err != nil {
		return fmt.Errorf("load database: %w", err)
	}
	return nil
}

// grant gives the role what the policy of a configuration allows in each database,
// one after the other: they alter the same role. It returns the SQL for the shop.
func (dbs *databases) grant(ctx context.Context, c *config.Config) (string, error) {
	if _, err := dbs.desk.grant(ctx, policy.Compile(c, "desk"), dbs.role); err != nil {
		return "", err
	}
	return dbs.shop.grant(ctx, policy.Compile(c, "shop"), dbs.role)
}

func (db *database) grant(ctx context.Context, rules *policy.Rules, role string) (string, error) {
	conn, err := pgx.Connect(ctx, db.admin)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	loaded, err := catalog.Load(ctx, conn)
	if err != nil {
		return "", err
	}
	sql := grants.SQL(rules.Close(loaded), role)
	if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
		return "", fmt.Errorf("grant what the policy allows: %w", err)
	}
	return sql, nil
}

// drop drops the databases, and then the role, which nothing refers to any more.
func (dbs *databases) drop() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var errs []error
	for _, db := range []*database{dbs.shop, dbs.desk} {
		if db.drop != nil {
			errs = append(errs, db.drop(ctx))
		}
	}
	return errors.Join(append(errs, execute(ctx, dbs.server.URL(), "drop role if exists "+dbs.role))...)
}

// execute runs the statements of sql as one transaction.
func execute(ctx context.Context, dsn, sql string) error {
	conn, err := pgconn.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, sql).ReadAll()
	return err
}
