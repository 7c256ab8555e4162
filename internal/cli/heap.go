package cli

import (
	"os"
	"runtime/debug"
)

// lateGC lets the heap grow to 16 MiB before it is collected for the first time:
// most commands have ended by then, and a collection is a tenth of their work.
func lateGC() { setGC(400) }

// usualGC is for commands that stay.
func usualGC() { setGC(100) }

// setGC sets GOGC to percent unless whoever started the program has set it.
func setGC(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
