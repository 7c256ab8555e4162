package pgtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Options say where a server may come from. The zero value asks the environment.
type Options struct {
	URL     string    // superuser's URL of a server that runs already; default, without Image, PGMCP_TEST_POSTGRES
	Image   string    // container image; default PGMCP_TEST_IMAGE, then PGMCP_TEST_IMAGES, then postgres:17
	Install bool      // install PostgreSQL where none is found
	Log     io.Writer // what was found, tried and installed, a line each; nil for silence
}

// A Server is a PostgreSQL server to test on.
type Server struct {
	url     string
	source  string
	origin  string // how another process starts one like it; empty: it cannot
	version int
	stop    func() error // nil: not ours to stop

	another func(context.Context) (*Server, error)
	halt    func(context.Context) error // of a server that another has started
	resume  func(context.Context) error
	admins  admins
	templates
}

// Start finds or starts one server. In this order it takes the server at a URL,
// a container, local binaries and, if asked to, binaries that it installs.
// A URL or an image that was named must work; from what it finds by itself it
// goes on to the next. With PGMCP_REQUIRE_CONTAINER=1 it never goes on from a
// container. Its error says what was tried and what to do.
func Start(ctx context.Context, o Options) (*Server, error) {
	all, err := start(ctx, o, 1)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// StartAll is [Start] for all servers of the first source that has any: URLs
// and images may be several, separated by spaces, and every version of the local
// binaries counts. The newest is first.
func StartAll(ctx context.Context, o Options) ([]*Server, error) {
	const all = 1 << 10
	return start(ctx, o, all)
}

// URL is a superuser's URL of database postgres.
func (s *Server) URL() string { return s.url }

// Version is server_version_num, such as 150018.
func (s *Server) Version() int { return s.version }

// Source says where the server comes from: "url", "container postgres:17",
// "local binaries /usr/lib/postgresql/15/bin" or "npm" with the package's name.
func (s *Server) Source() string { return s.source }

// String is the server's release and source: "15.18 (container postgres:15)".
func (s *Server) String() string {
	return fmt.Sprintf("%d.%d (%s)", s.version/10000, s.version%10000, s.source)
}

// Close stops and removes what Start started. A server that was given by URL
// runs on, without the templates that this process made there.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	defer s.admins.close(ctx)
	if s.stop == nil {
		return s.dropTemplates(ctx)
	}
	return s.stop()
}

// ErrGiven is the error of what cannot be done with a server that was given by URL.
var ErrGiven = errors.New("the server was given by URL, and is not pgmcp's to start and stop")

// Another starts a server like s that nobody else uses: it can be halted, and what
// all its databases share be changed. The caller closes it.
func (s *Server) Another(ctx context.Context) (*Server, error) {
	if s.another == nil {
		return nil, ErrGiven
	}
	return s.another(ctx)
}

// Halt stops a server that [Server.Another] has started, at once and cleanly: its
// clients are disconnected and its data stays.
func (s *Server) Halt(ctx context.Context) error {
	if s.halt == nil {
		return ErrGiven
	}
	s.admins.close(ctx)
	return s.halt(ctx)
}

// Resume starts a server that was halted, at the same address. It returns when the
// server answers.
func (s *Server) Resume(ctx context.Context) error {
	if s.resume == nil {
		return ErrGiven
	}
	return s.resume(ctx)
}

// errAbsent is the error of a source that this machine does not have.
var errAbsent = errors.New("none found")

func start(ctx context.Context, o Options, limit int) ([]*Server, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	servers, err := startFirst(ctx, o, limit)
	for _, s := range servers {
		fmt.Fprintf(o.Log, "using PostgreSQL %v\n", s)
	}
	return servers, err
}

func startFirst(ctx context.Context, o Options, limit int) ([]*Server, error) {
	if o.URL != "" {
		return startEach(strings.Fields(o.URL), limit, func(u string) (*Server, error) { return connect(ctx, u, "url") })
	}
	if urls := strings.Fields(os.Getenv("PGMCP_TEST_POSTGRES")); len(urls) > 0 && o.Image == "" {
		return lent(ctx, urls, limit)
	}

	named := cmp.Or(o.Image, os.Getenv("PGMCP_TEST_IMAGE"), os.Getenv("PGMCP_TEST_IMAGES"))
	images := strings.Fields(cmp.Or(named, "postgres:17"))
	servers, noContainer := startEach(images, limit, func(image string) (*Server, error) {
		return startContainer(ctx, image, containerName(image), o.Log)
	})
	if noContainer == nil {
		return servers, nil
	}
	if os.Getenv("PGMCP_REQUIRE_CONTAINER") == "1" || named != "" && !errors.Is(noContainer, errAbsent) {
		return nil, noContainer
	}
	fmt.Fprintf(o.Log, "no container: %v\n", noContainer)

	servers, noBinaries := startEach(findBinaries(ctx, o.Log), limit, func(b binaries) (*Server, error) { return startLocal(ctx, b) })
	if noBinaries == nil {
		return servers, nil
	}
	fmt.Fprintf(o.Log, "no local binaries: %v\n", noBinaries)

	notInstalled := errors.New("not asked for")
	if o.Install {
		var s *Server
		if s, notInstalled = startInstalled(ctx, o.Log); notInstalled == nil {
			return []*Server{s}, nil
		}
	}
	return nil, fmt.Errorf(`no PostgreSQL server
	container: %w
	local binaries: %w
	installing: %w
start a container engine, or run "apt-get install postgresql" or the like, or set PGMCP_TEST_POSTGRES to a superuser's URL`,
		noContainer, noBinaries, notInstalled)
}

// startEach starts a server from each of up to limit places, all of them or none,
// and returns them newest first.
func startEach[T any](places []T, limit int, start func(T) (*Server, error)) ([]*Server, error) {
	if len(places) == 0 {
		return nil, errAbsent
	}
	var servers []*Server
	for _, p := range places[:min(limit, len(places))] {
		s, err := start(p)
		if err != nil {
			return nil, errors.Join(err, closeAll(servers))
		}
		servers = append(servers, s)
	}
	slices.SortStableFunc(servers, func(a, b *Server) int { return b.version - a.version })
	return servers, nil
}

func closeAll(servers []*Server) error {
	var err error
	for _, s := range servers {
		err = errors.Join(err, s.Close())
	}
	return err
}

// connect is the server at a URL, which must answer.
func connect(ctx context.Context, u, source string) (*Server, error) {
	if p, err := url.Parse(u); err != nil || p.Scheme != "postgres" && p.Scheme != "postgresql" {
		return nil, errors.New("the server's URL does not begin with postgres://")
	}
	s := &Server{url: u, source: source}
	c, err := pgx.Connect(ctx, u)
	if err != nil {
		return nil, err
	}
	defer c.Close(ctx)
	err = c.QueryRow(ctx, "select current_setting('server_version_num')::int").Scan(&s.version)
	return s, err
}

var errStopped = errors.New("the server stopped while starting")

// connectSoon is connect for a server that is starting, as long as it is alive.
func connectSoon(ctx context.Context, u, source string, alive func() bool) (*Server, error) {
	const patience = time.Minute
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the server did not answer within %v", patience))
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		s, err := connect(ctx, u, source)
		if err == nil {
			return s, nil
		}
		select {
		case <-again.C:
			if !alive() {
				return nil, errStopped
			}
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), err)
		}
	}
}
