// Package replay runs scenario scripts: it gives testscript the commands that a
// scenario needs to load databases, serve them and talk to them as a client does.
package replay
