package postgres

import (
	"context"
	"slices"
)

type accessKey struct{}

// Restrict returns a context in which no other databases than those named exist;
// nil names restrict nothing.
func Restrict(ctx context.Context, names []string) context.Context {
	if names == nil {
		return ctx
	}
	return context.WithValue(ctx, accessKey{}, names)
}

// Restricted reports whether [Restrict] said which databases exist in ctx.
func Restricted(ctx context.Context) bool {
	_, restricted := ctx.Value(accessKey{}).([]string)
	return restricted
}

// Names are the names of the databases that exist in ctx, sorted.
func (d *Databases) Names(ctx context.Context) []string {
	allowed, restricted := ctx.Value(accessKey{}).([]string)
	return slices.DeleteFunc(slices.Clone(d.names), func(name string) bool {
		return restricted && !slices.Contains(allowed, name)
	})
}

// Get is the database that [Find] finds by name among those that exist in ctx.
func (d *Databases) Get(ctx context.Context, name string) (*Database, error) {
	name, err := Find(name, d.Names(ctx))
	return d.byName[name], err
}
