// Package demo shows pgmcp at work on two databases of made data: what it
// answers, what it refuses and what it withholds, through the real protocol.
package demo
