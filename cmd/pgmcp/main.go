// Command pgmcp answers questions about PostgreSQL databases, within the limits
// their operator has written down.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/pgmcp/pgmcp/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	os.Exit(code)
}
