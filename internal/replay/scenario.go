package replay

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pgmcp/pgmcp/internal/pgtest"
)

// patience is how long one command may take, and how long waitfor polls. It only
// bounds how late a failure is noticed.
const patience = time.Minute

// A scenario is what the commands of one running script share.
type scenario struct {
	ctx       context.Context // of the run, which bounds each command
	options   Options
	server    *pgtest.Server // on which its databases are
	own       bool           // it has the server for itself
	name      string         // what the scenario is called
	folder    string         // that its file is in
	suffix    string         // for names that are not the database's own, such as roles
	variables []string       // names of the environment variables that the script sets
	ts        *testscript.TestScript

	databases map[string]*database
	sessions  map[string]*session
	polling   bool              // waitfor runs: a command may keep what its next try needs
	model     *model            // nil until "model start"
	collector *collector        // nil until "otlp start"
	rewritten map[string][]byte // golden files by path, for when the scenario has passed
	goldens   map[string]bool   // golden files that it has a use for, by path
	opaque    bool              // it may use others too
	touched   touches
	configs   [][]byte // texts of the configurations in the archive
	kept      []string // what Keep leaves
}

// assignment finds the variables of "env NAME=VALUE" lines.
var assignment = regexp.MustCompile(`\b([A-Za-z_][A-Za-z0-9_]*)=`)

// ownServer is the line by which a scenario asks for a server that it may stop.
var ownServer = regexp.MustCompile(`(?m)^# server: own$`)

func newScenario(ctx context.Context, o Options, file string) (*scenario, error) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	if o.Golden == "" {
		if o.Golden, err = goldenOf(file); err != nil {
			return nil, err
		}
	} else if o.Golden, err = filepath.Abs(o.Golden); err != nil {
		return nil, err
	}
	folder, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	s := &scenario{
		ctx:       ctx,
		name:      Name(file),
		folder:    folder,
		options:   o,
		server:    o.Server,
		own:       ownServer.Match(archive.Comment),
		databases: map[string]*database{},
		sessions:  map[string]*session{},
		rewritten: map[string][]byte{},
		goldens:   map[string]bool{},
		opaque:    byFolder.Match(archive.Comment),
		touched:   newTouches(),
	}
	for _, f := range archive.Files {
		if strings.HasSuffix(f.Name, ".cue") {
			s.configs = append(s.configs, f.Data)
		}
	}
	for _, m := range assignment.FindAllSubmatch(archive.Comment, -1) {
		s.variables = append(s.variables, string(m[1]))
	}
	random := make([]byte, 4)
	rand.Read(random)
	s.suffix = hex.EncodeToString(random)
	return s, nil
}

func (s *scenario) setup(e *testscript.Env) error {
	for _, v := range e.Vars {
		name, _, _ := strings.Cut(v, "=")
		s.variables = append(s.variables, name)
	}
	e.Setenv("SUFFIX", s.suffix)
	e.Setenv("FOLDER", s.folder)
	s.variables = append(s.variables, "SUFFIX", "FOLDER")
	if s.options.Keep {
		s.kept = append(s.kept, e.WorkDir)
	}
	if s.options.Program == "" {
		return nil
	}
	bin := filepath.Join(e.WorkDir, ".bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	e.Setenv("PATH", bin+string(os.PathListSeparator)+e.Getenv("PATH"))
	return os.Symlink(s.options.Program, filepath.Join(bin, "pgmcp"))
}

// condition knows [pg>=17].
func (s *scenario) condition(cond string) (bool, error) {
	major, ok := strings.CutPrefix(cond, "pg>=")
	if !ok {
		return false, errors.New("the only one is [pg>=N], from version N of PostgreSQL on")
	}
	n, err := strconv.Atoi(major)
	return s.server.Version()/10_000 >= n, err
}

func (s *scenario) setenv(name, value string) {
	s.ts.Setenv(name, value)
	s.variables = append(s.variables, name)
}

// program is a command that runs in the script's folder and environment, and in
// no other: what the caller of replay has in its environment does not leak in.
func (s *scenario) program(ctx context.Context, args []string) (*exec.Cmd, error) {
	path, err := s.lookPath(args[0])
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args[1:]...)
	cmd.Dir = s.ts.MkAbs(".")
	cmd.Env = []string{"PWD=" + cmd.Dir}
	for _, name := range s.variables {
		if v := s.ts.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	return cmd, nil
}

func (s *scenario) lookPath(name string) (string, error) {
	if filepath.Base(name) != name {
		return s.ts.MkAbs(name), nil
	}
	for _, dir := range filepath.SplitList(s.ts.Getenv("PATH")) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not on the script's PATH", name)
}

// read is the content of a file of the script; "stdout" and "stderr" are what
// the last command printed.
func (s *scenario) read(name string) ([]byte, error) {
	if name == "stdout" || name == "stderr" {
		return []byte(s.ts.ReadFile(name)), nil
	}
	return os.ReadFile(s.ts.MkAbs(name))
}
