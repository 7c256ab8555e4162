// Package unlisted keeps testcontainers from reading of every process of the machine
// when a program starts that it is linked into. It does so to name its session after
// its parent, which nothing here has a use for; it takes a quarter of the start of a
// command, and is not what a server that holds keys to databases should be seen at.
//
// A program initializes the packages that are ready in the order of their paths
// (Go's specification, "Program initialization"), so this one, which needs none but
// os, comes before testcontainers.
package unlisted

import "os"

// place names the folder in which testcontainers looks for processes.
const place = "HOST_PROC"

var hidden = hide()

func hide() bool {
	return os.Getenv(place) == "" && os.Setenv(place, os.DevNull) == nil
}

// End gives the environment back as it was, once testcontainers is initialized. It
// reports whether there was something to give back.
func End() bool { return hidden && os.Unsetenv(place) == nil }
