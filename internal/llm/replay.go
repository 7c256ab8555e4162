package llm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/rogpeppe/go-internal/diff"
)

// A Replay answers from a folder of golden answers and asks nobody.
type Replay struct {
	dir   string
	names map[string]string // key to file name
	files map[string]golden // by file name

	mu   sync.Mutex
	used map[string]bool // by file name
}

// OpenReplay reads every golden answer in dir, its .txtar files. The error
// names all that cannot be read, were edited by hand, answer the same request as
// another, or answer one that is made no more: stale, unless it is nil, says why
// that is, or nothing.
func OpenReplay(dir string, stale func(Request) string) (*Replay, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open golden answers: %w", err)
	}
	p := &Replay{dir: dir, names: map[string]string{}, files: map[string]golden{}, used: map[string]bool{}}
	var problems []error
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || filepath.Ext(name) != ".txtar" {
			continue
		}
		g, err := read(filepath.Join(dir, name))
		if err != nil {
			problems = append(problems, fmt.Errorf("golden answer %s: %w", filepath.Join(dir, name), err))
			continue
		}
		key := g.request.key()
		if first, ok := p.names[key]; ok {
			problems = append(problems, fmt.Errorf("golden answer %s: %s answers the same request", filepath.Join(dir, name), first))
			continue
		}
		p.names[key], p.files[name] = name, g
		if stale == nil {
			continue
		}
		if why := stale(g.request); why != "" {
			problems = append(problems, fmt.Errorf("golden answer %s: %s; record its question anew, or delete it", filepath.Join(dir, name), why))
		}
	}
	return p, errors.Join(problems...)
}

// Complete gives the golden answer to r, or an *[Error] that shows how r differs
// from the nearest request of its stage that has one. An error that is golden
// itself comes with its origin.
func (p *Replay) Complete(ctx context.Context, r Request) (Response, error) {
	if err := ctx.Err(); err != nil {
		return Response{}, err
	}
	r = r.redacted()
	name, ok := p.names[r.key()]
	if !ok {
		return Response{}, &Error{Code: NoGolden, Message: p.miss(r)}
	}
	p.mu.Lock()
	p.used[name] = true
	p.mu.Unlock()
	g := p.files[name]
	if g.failure != nil {
		return Response{Origin: g.origin}, g.failure
	}
	g.response.Origin = g.origin
	return g.response, nil
}

// Unused are the files whose answer nobody has asked for, sorted. After a run of
// all there is, they are of requests that are made no more.
func (p *Replay) Unused() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		if !p.used[name] {
			names = append(names, filepath.Join(p.dir, name))
		}
	}
	return names
}

// miss says what was looked for, and what comes nearest.
func (p *Replay) miss(r Request) string {
	message := fmt.Sprintf("no golden answer to this %s request: there is no %s", r.Stage, filepath.Join(p.dir, r.file()))
	var nearest string
	var changes []byte
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		if p.files[name].request.Stage != r.Stage {
			continue
		}
		d := diff.Diff(name, p.files[name].request.text(), "this request", r.text())
		if nearest == "" || changed(d) < changed(changes) {
			nearest, changes = name, d
		}
	}
	if nearest == "" {
		return message + ", nor any other of this stage"
	}
	return fmt.Sprintf("%s; the nearest is %s:\n%s", message, nearest, head(changes, 40))
}

// changed counts the lines that a diff removes or adds.
func changed(d []byte) int {
	return bytes.Count(d, []byte("\n-")) + bytes.Count(d, []byte("\n+"))
}

// head is at most n lines of b.
func head(b []byte, n int) string {
	lines := bytes.SplitAfter(b, []byte("\n"))
	if len(lines) > n {
		lines = append(lines[:n], []byte("…"))
	}
	return string(bytes.TrimRight(bytes.Join(lines, nil), "\n"))
}
