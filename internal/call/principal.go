package call

import "context"

type principalKey struct{}

// Principal is the name of whom the operation of ctx is done for, or "" if
// nobody said: a token's name or a client's address over HTTP, the name that the
// client gives itself over stdio.
func Principal(ctx context.Context) string {
	name, _ := ctx.Value(principalKey{}).(string)
	return name
}

// WithPrincipal returns a context whose operations are done for name.
func WithPrincipal(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, principalKey{}, name)
}
