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

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/nearest"
	"github.com/pgmcp/pgmcp/internal/observe"
)

// Databases are all databases that are served, by name.
type Databases struct {
	names  []string
	byName map[string]*Database
}

// Open makes the pools and begins loading catalogs in the background. It does
// not wait for any server: a database that is down now is served once it is up.
// An error means that a URL cannot be read or parsed, and never contains it.
// Catalogs and health share the breakers of resilience, if that is not nil, with
// the statements that go through its layer.
//
// The end of ctx ends nothing here; [Databases.Close] does.
func Open(ctx context.Context, c *config.Config, resilience *call.Resilience, log *slog.Logger) (*Databases, error) {
	return (*Databases)(nil).Reopen(ctx, c, resilience, nil, log)
}

// Reopen is [Open] for another configuration. A database whose settings are the
// same, its URL included, is taken over as it is, with its pool and its catalog,
// and belongs to both from then on: each of them is closed. Readings of catalogs
// have spans of tracer, which may be nil.
func (former *Databases) Reopen(ctx context.Context, c *config.Config, resilience *call.Resilience, tracer *observe.Tracer, log *slog.Logger) (*Databases, error) {
	d := &Databases{
		names:  slices.Sorted(maps.Keys(c.Databases)),
		byName: map[string]*Database{},
	}
	settings := map[string]*settings{}
	var problems []error
	for _, name := range d.names {
		s, err := settingsOf(c, name)
		if err != nil {
			problems = append(problems, fmt.Errorf("url of database %s: %w", name, err))
		}
		settings[name] = s
	}
	if problems != nil {
		return nil, errors.Join(problems...)
	}
	for _, name := range d.names {
		// Of those taken over, too: resilience knows the breakers that are asked for.
		breaker := resilience.Breaker(call.Key{Kind: call.Statement, Name: name})
		if db := former.like(name, settings[name]); db != nil {
			d.byName[name] = db
			continue
		}
		db, err := newDatabase(context.WithoutCancel(ctx), name, settings[name], breaker, tracer, log)
		if err != nil {
			d.Close()
			return nil, err
		}
		d.byName[name] = db
	}
	return d, nil
}

// like is the database of that name, shared from now on, if it has these settings
// and is not closed; else nil.
func (d *Databases) like(name string, s *settings) *Database {
	if d == nil || d.byName[name] == nil || !d.byName[name].settings.equal(s) || !d.byName[name].share() {
		return nil
	}
	return d.byName[name]
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

// Close stops refreshing and closes every connection, waiting for those lent, of
// the databases that belong to no others.
func (d *Databases) Close() {
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
