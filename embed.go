// Package pgmcp carries the configuration schema into the binary. It holds no
// code: go:embed cannot reach a parent folder, and schema.cue is easiest to
// find at the top.
package pgmcp

import _ "embed"

// Schema is the text of schema.cue.
//
//go:embed schema.cue
var Schema string
