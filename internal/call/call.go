// Package call takes every operation of pgmcp through one chain of layers.
//
// An operation is a tool call, a statement sent to a database or a request sent
// to a model. What cuts across them (request IDs, measurements, recovery, limits,
// retries, breakers) is a layer; each layer is built once, when the program starts,
// and sees every operation, with the [Facts] that it ends with. The package knows
// nothing of MCP, PostgreSQL or models.
package call

import (
	"cmp"
	"context"
	"slices"
)

// Kind says what sort of operation an [Op] is.
type Kind string

// The kinds of operation.
const (
	Tool      Kind = "tool"      // named by the tool
	Statement Kind = "statement" // named by the database
	Model     Kind = "model"     // named by the model
	Answer    Kind = "answer"    // named by where its SQL came from; only counted
)

// An Op is one operation on its way through the chain.
type Op struct {
	Kind Kind
	Name string

	// Server is what the operation depends on, where that is not what Name says:
	// the host that answers for several models.
	Server string
}

// dependency is what fails, and is busy, for all its operations at once.
func (o Op) dependency() Key { return Key{o.Kind, cmp.Or(o.Server, o.Name)} }

// A Handler carries out an operation.
type Handler func(context.Context, Op) error

// A Layer adds one concern around a Handler.
type Layer func(Handler) Handler

// A Chain is layers around the operation itself. The zero Chain has none.
type Chain struct{ layers []Layer }

// New returns a chain of layers, the first one outermost.
func New(layers ...Layer) Chain { return Chain{slices.Clone(layers)} }

// Do carries op through the chain and returns what f returned, or the error of
// the layer that stopped it.
func Do[T any](ctx context.Context, c Chain, op Op, f func(context.Context) (T, error)) (T, error) {
	var out T
	h := func(ctx context.Context, _ Op) (err error) {
		out, err = f(ctx)
		return err
	}
	var chained Handler = h
	for _, l := range slices.Backward(c.layers) {
		chained = l(chained)
	}
	err := chained(context.WithValue(ctx, factsKey{}, &Facts{}), op)
	return out, err
}
