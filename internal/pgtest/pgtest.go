// Package pgtest finds or starts PostgreSQL for tests, scenarios and the demo:
// a URL, a container, or local binaries. It lends databases made from templates
// and puts a fault proxy before them. It is no part of serving.
package pgtest
