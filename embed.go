// Package pgmcp carries files of the top folders into the binary. It holds no
// code: go:embed cannot reach a parent folder, and schema.cue is easiest to
// find at the top.
package pgmcp

import _ "embed"

// Schema is the text of schema.cue.
//
//go:embed schema.cue
var Schema string

// Workflow is the example of GitHub Actions, which init writes beside a
// configuration.
//
//go:embed docs/examples/github-actions.yml
var Workflow string
