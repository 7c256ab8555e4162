package pgtest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const oldest = 15 // major version: the first that copies a template's files

// binaries are a folder with PostgreSQL's programs.
type binaries struct {
	dir   string
	major int
	seed  string // folder with the data of a new server; empty: they are to be made
}

// places are where package managers and people put the programs, as globs.
var places = []string{
	"/usr/lib/postgresql/*/bin",                          // Debian
	"/usr/pgsql-*/bin",                                   // PostgreSQL's own packages
	"/usr/libexec/postgresql*",                           // Alpine
	"/usr/local/pgsql/bin",                               // built from source
	"/opt/homebrew/opt/postgresql@*/bin",                 // Homebrew
	"/usr/local/opt/postgresql@*/bin",                    // Homebrew on Intel
	"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
}

// findBinaries looks in PATH and the usual places. It keeps one folder a major
// version, newest version first.
func findBinaries(ctx context.Context, log io.Writer) []binaries {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	for _, glob := range places {
		found, _ := filepath.Glob(glob)
		dirs = append(dirs, found...)
	}
	var all []binaries
	for _, dir := range dirs {
		if b, ok := binariesIn(ctx, dir); !ok {
			continue
		} else if b.major < oldest {
			fmt.Fprintf(log, "passing by %s: PostgreSQL %d is older than %d\n", b.dir, b.major, oldest)
		} else {
			all = append(all, b)
		}
	}
	slices.SortStableFunc(all, func(a, b binaries) int { return cmp.Compare(b.major, a.major) })
	return slices.CompactFunc(all, func(a, b binaries) bool { return a.major == b.major })
}

var releaseNumber = regexp.MustCompile(`\d+`)

func binariesIn(ctx context.Context, dir string) (binaries, bool) {
	postgres, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
	if err != nil {
		return binaries{}, false
	}
	b := binaries{dir: filepath.Dir(postgres)}
	if _, err := os.Stat(filepath.Join(b.dir, "initdb")); err != nil {
		return binaries{}, false
	}
	out, err := exec.CommandContext(ctx, postgres, "--version").Output()
	if err != nil {
		return binaries{}, false
	}
	b.major, err = strconv.Atoi(string(releaseNumber.Find(out)))
	return b, err == nil
}

// guarded makes a server's data unless there is some, runs the server, and removes
// its folder. Data as they were made stay beside as a seed: to copy those takes a
// tenth of the time. It ends the server when its own input ends: when we close it, or when
// we die, in whatever way. A signal's name in the input is the way to end the server
// and keep the folder. The server may be deaf while it starts, so it is told until
// it is gone.
const guarded = `
folder=$1 bin=$2 ctype=$3 seed=$4
shift 4
make() {
	if [ -d "$seed" ]; then cp -R "$seed" "$folder/data"; return; fi
	"$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C --lc-ctype="$ctype" --no-sync && cp -R "$folder/data" "$folder/seed"
}
exec 3<&0 4>&2 </dev/null >>"$folder/log" 2>&1
if [ -e "$folder/data/PG_VERSION" ] || make 3<&- 4>&-; then
	"$bin/postgres" -D "$folder/data" "$@" 3<&- 4>&- & server=$!
	{ how=$(cat <&3); [ -z "$how" ] || touch "$folder/kept"; while kill -${how:-QUIT} $server; do sleep 0.1; done; } 2>/dev/null 4>&- &
	exec 3<&-
	wait $server
fi
tail -n 20 "$folder/log" >&4
if [ -e "$folder/kept" ]; then rm "$folder/kept"; else rm -rf "$folder"; fi
`

// startLocal starts a server in a folder of its own on a free loopback port.
func startLocal(ctx context.Context, b binaries) (*Server, error) {
	s, err := tryLocal(ctx, b)
	if err != nil && strings.Contains(err.Error(), "TCP/IP sockets") { // another process took the port first
		s, err = tryLocal(ctx, b)
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Join(b.dir, "postgres"), err)
	}
	return s, nil
}

func tryLocal(ctx context.Context, b binaries) (*Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(dataFolder(), "pgmcp-postgres-")
	if err != nil {
		return nil, err
	}
	l := &local{binaries: b, port: port, folder: folder}
	s, err := l.start(ctx)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	s.stop, s.halt, s.origin = l.stop, l.halt, fromBinaries+b.dir
	s.resume = func(ctx context.Context) error {
		_, err := l.start(ctx)
		return err
	}
	b.seed = filepath.Join(folder, "seed")
	s.another = func(ctx context.Context) (*Server, error) { return startLocal(ctx, b) }
	return s, nil
}

// dataFolder is where servers have their data: in memory where there is room, for
// there a database is copied and dropped in a fifth of the time. An empty one stands
// for the folder of temporary files, which goes first where TMPDIR names it.
func dataFolder() string {
	const memory, room = "/dev/shm", 4 << 30 // bytes; a run of all tests needs less than one GiB a server
	var fs syscall.Statfs_t
	if os.Getenv("TMPDIR") != "" || syscall.Statfs(memory, &fs) != nil || fs.Bavail*uint64(fs.Bsize) < room {
		return ""
	}
	return memory
}

// A local is a server that runs from local binaries.
type local struct {
	binaries
	port, folder string
	*process
}

// start starts the server, with the data that it had if it was halted.
func (l *local) start(ctx context.Context) (*Server, error) {
	p, err := startProcess(l.binaries, l.port, l.folder)
	if err != nil {
		return nil, err
	}
	url := "postgres://postgres@127.0.0.1:" + l.port + "/postgres?sslmode=disable"
	s, err := connectSoon(ctx, url, "local binaries "+l.dir, p.running)
	if err != nil {
		return nil, errors.Join(err, p.stop(), errors.New(strings.TrimSpace(p.log.String())))
	}
	l.process = p
	return s, nil
}

// halt ends the server as an administrator does who does not wait for its clients.
func (l *local) halt(context.Context) error {
	if _, err := io.WriteString(l.input, "INT"); err != nil {
		return err
	}
	return l.process.stop()
}

// stop ends the server, in whatever state it is, and its data.
func (l *local) stop() error {
	return errors.Join(l.process.stop(), os.RemoveAll(l.folder))
}

// A process is a local server with its guard.
type process struct {
	cmd     *exec.Cmd
	input   io.WriteCloser
	log     bytes.Buffer // the end of the server's log, once the process has stopped
	stopped chan struct{}
}

func startProcess(b binaries, port, folder string) (*process, error) {
	ctype := "C.UTF-8"
	if runtime.GOOS == "darwin" {
		ctype = "UTF-8" // its name there
	}
	p := &process{stopped: make(chan struct{})}
	p.cmd = exec.Command("/bin/sh", "-c", guarded, "sh", folder, b.dir, ctype, b.seed,
		"-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
	p.cmd.Args = append(p.cmd.Args, settings...)
	p.cmd.Dir = "/"
	p.cmd.Stderr = &p.log
	var err error
	if p.cmd.SysProcAttr, err = owner(folder); err == nil {
		p.input, err = p.cmd.StdinPipe()
	}
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait()
		close(p.stopped)
	}()
	return p, nil
}

func (p *process) running() bool {
	select {
	case <-p.stopped:
		return false
	default:
		return true
	}
}

func (p *process) stop() error {
	p.input.Close()
	select {
	case <-p.stopped:
		return nil
	case <-time.After(time.Minute): // its data may be much to remove
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.stopped
		return errors.New("PostgreSQL did not stop, and was killed")
	}
}

// settings trade safety for speed: what these servers hold is thrown away.
var settings = []string{
	"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
	"-c", "max_connections=300", "-c", "max_wal_size=256MB",
}

// owner gives the folder to whom PostgreSQL is to run as, and says how to: in a
// process group of its own, out of reach of the terminal's interrupt, and not as
// root, which PostgreSQL refuses.
func owner(folder string) (*syscall.SysProcAttr, error) {
	as := &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() != 0 {
		return as, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("find a user other than root: %w", err)
	}
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return nil, err
	}
	as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return as, os.Chown(folder, int(uid), int(gid))
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
