// Package postgres keeps the databases that are served: for each name a pool of
// connections, the catalog in its current snapshot, and the policy closed over
// it. It lends connections and runs no statement of a user; package query does.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/nearest"
)

// Databases are all databases that are served, by name.
type Databases struct {
	names      []string
	byName     map[string]*Database
	stop       context.CancelFunc
	background sync.WaitGroup
}

// Open makes the pools and begins loading catalogs in the background. It does
// not wait for any server: a database that is down now is served once it is up.
// An error means that a URL cannot be read or parsed, and never contains it.
// Catalogs and health share the breakers of resilience, if that is not nil, with
// the statements that go through its layer.
//
// The end of ctx ends nothing here; [Databases.Close] does.
func Open(ctx context.Context, c *config.Config, resilience *call.Resilience, log *slog.Logger) (*Databases, error) {
	d := &Databases{
		names:  slices.Sorted(maps.Keys(c.Databases)),
		byName: map[string]*Database{},
	}
	pools, gates := map[string]*pgxpool.Config{}, map[string]*gate{}
	var problems []error
	for _, name := range d.names {
		gates[name] = &gate{allowPrivileged: allowsPrivileged(c, name)}
		p, err := poolConfig(c.Databases[name], gates[name])
		if err != nil {
			problems = append(problems, fmt.Errorf("url of database %s: %w", name, err))
		}
		pools[name] = p
	}
	if problems != nil {
		return nil, errors.Join(problems...)
	}
	ctx, d.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, name := range d.names {
		breaker := resilience.Breaker(call.Key{Kind: call.Statement, Name: name})
		db, err := newDatabase(ctx, c, name, pools[name], gates[name], breaker, log)
		if err != nil {
			d.Close()
			return nil, err
		}
		d.byName[name] = db
		d.background.Go(func() { db.keeper.run(ctx) })
	}
	return d, nil
}

// allowsPrivileged is what is said of the roles of one database, or of all.
func allowsPrivileged(c *config.Config, name string) bool {
	if o := c.Databases[name].Security; o != nil && o.AllowPrivilegedRole != nil {
		return *o.AllowPrivilegedRole
	}
	return c.Security.AllowPrivilegedRole
}

// Find is which of the databases among is meant by name: the one that is called
// that or, for an empty name, the only one there is. Anything else is an
// *[UnknownDatabase].
func Find(name string, among []string) (string, error) {
	switch {
	case name == "" && len(among) == 1:
		return among[0], nil
	case slices.Contains(among, name):
		return name, nil
	}
	return "", &UnknownDatabase{Name: name, Names: slices.Clone(among), Nearest: nearest.Name(name, among)}
}

// Close stops refreshing and closes every connection, waiting for those lent.
func (d *Databases) Close() {
	d.stop()
	d.background.Wait()
	var closing sync.WaitGroup
	for _, db := range d.byName {
		closing.Go(db.close)
	}
	closing.Wait()
}

// UnknownDatabase is the error of a name that is not served, or of none where several are.
type UnknownDatabase struct {
	Name    string   // empty: none was given
	Names   []string // the names that are served
	Nearest string   // the one that was probably meant; may be empty
}

func (e *UnknownDatabase) Error() string {
	if e.Name == "" {
		return "several databases are served"
	}
	return fmt.Sprintf("unknown database %q", e.Name)
}

// Hint says which names would be right.
func (e *UnknownDatabase) Hint() string {
	names := strings.Join(e.Names, ", ")
	switch {
	case e.Name == "":
		return "say which one: " + names
	case e.Nearest != "":
		return fmt.Sprintf("did you mean %q? Served are: %s", e.Nearest, names)
	}
	return "served are: " + names
}
