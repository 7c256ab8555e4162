package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
)

// childVar makes this test binary a child of a test. Its value is "start", to
// start a server and stop it, "stamp", to print the stamp of a database, or a folder of
// binaries, to start their server, print its URL and wait for the end of input.
const childVar = "PGTEST_CHILD"

func TestMain(m *testing.M) {
	if kind := os.Getenv(childVar); kind != "" {
		os.Exit(Run(child(kind)))
	}
	Main(m)
}

type child string

func (c child) Run() int {
	if err := c.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (c child) run(ctx context.Context) error {
	switch c {
	case "start":
		s, err := Start(ctx, Options{})
		if err != nil {
			return err
		}
		return s.Close()
	case "stamp":
		all, err := shared.get()
		if err != nil {
			return err
		}
		url, drop, err := all[0].Database(ctx, stamped)
		if err != nil {
			return err
		}
		id, err := readStamp(ctx, url)
		fmt.Println(id)
		return errors.Join(err, drop(ctx))
	default:
		s, err := startLocal(ctx, binaries{dir: string(c)})
		if err != nil {
			return err
		}
		shared.mu.Lock()
		shared.servers = []*Server{s}
		shared.mu.Unlock()
		fmt.Println(s.URL())
		_, err = io.Copy(io.Discard, os.Stdin)
		return err
	}
}

// stamped makes a database that can be told from one made by the same script again.
const stamped = "create table stamp as select gen_random_uuid()::text as id"

func stamp(t testing.TB, url string) string {
	t.Helper()
	id, err := readStamp(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func readStamp(ctx context.Context, url string) (id string, err error) {
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", err
	}
	defer c.Close(ctx)
	err = c.QueryRow(ctx, "select id from stamp").Scan(&id)
	return id, err
}

// databases are the names of the server's databases that begin with prefix.
func databases(t testing.TB, s *Server, prefix string) []string {
	t.Helper()
	c, err := pgx.Connect(t.Context(), s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	rows, _ := c.Query(t.Context(), "select datname from pg_database where starts_with(datname, $1)", prefix)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}
