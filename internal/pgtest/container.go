package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"regexp"
	"time"

	"github.com/containerd/errdefs"
	"github.com/jackc/pgx/v5"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"

	"github.com/pgmcp/pgmcp/internal/pgtest/unlisted"
)

// Initialized after what it imports, and before anything can start a process.
var _ = unlisted.End()

const (
	containerPort = "5432/tcp"
	containerData = "/pgmcp"   // folder
	memberLock    = 7093151503 // advisory lock: shared by the processes that use a container
)

var (
	loopback   = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	notInNames = regexp.MustCompile(`[^a-zA-Z0-9_.-]+`)
)

// startContainer runs the image in a container of that name, or joins the one
// that another process has started. The last process to leave removes it.
func startContainer(ctx context.Context, image, name string, out io.Writer) (*Server, error) {
	if err := engine(ctx); err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "starting a container of %s\n", image)
	again := time.NewTicker(500 * time.Millisecond)
	defer again.Stop()
	for tries := 1; ; tries++ {
		s, err := joinContainer(ctx, image, name)
		if err == nil {
			s.origin = fromImage + image
			s.another = func(ctx context.Context) (*Server, error) { return ownContainer(ctx, image) }
			return s, nil
		}
		leaving := errors.Is(err, errStopped) || errdefs.IsConflict(err) || errdefs.IsNotFound(err)
		if tries == 5 || !leaving { // the last process may just be leaving the container that we found
			return nil, fmt.Errorf("start a container of %s: %w", image, err)
		}
		<-again.C
	}
}

// containerName is the name of the image's container, for all processes.
func containerName(image string) string {
	return "pgmcp-test-" + notInNames.ReplaceAllString(image, "-")
}

// engine fails where no container engine answers.
func engine(ctx context.Context) error {
	// The library's own cleaner would take a container away from the processes
	// that have joined it, and needs an image of its own. It is asked for once.
	os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	log.SetDefault(log.NewNoopLogger())
	p, err := testcontainers.NewDockerProvider()
	if err == nil {
		defer p.Close()
		err = p.Health(ctx)
	}
	if err != nil {
		return fmt.Errorf("container engine: %w (\"docker info\" must answer): %w", errAbsent, err)
	}
	return nil
}

// joinContainer starts the container of that name or joins it.
func joinContainer(ctx context.Context, image, name string) (*Server, error) {
	s, c, err := runContainer(ctx, image, "", testcontainers.WithReuseByName(name))
	if err != nil {
		return nil, err
	}
	member, err := pgx.Connect(ctx, s.url)
	if err == nil {
		_, err = member.Exec(ctx, "select pg_advisory_lock_shared($1)", memberLock)
	}
	if err != nil { // whoever left last took the container away
		return nil, errors.Join(errStopped, err)
	}
	s.stop = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		defer member.Close(ctx)
		if othersUse(ctx, member) {
			return nil
		}
		return removed(c)
	}
	return s, nil
}

// ownContainer starts a container that nobody joins. Its port is the same again
// after a halt.
func ownContainer(ctx context.Context, image string) (*Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s, c, err := runContainer(ctx, image, port)
	if err != nil {
		return nil, fmt.Errorf("start a container of %s: %w", image, err)
	}
	s.stop = func() error { return removed(c) }
	s.halt = func(ctx context.Context) error { return c.Stop(ctx, nil) }
	s.resume = func(ctx context.Context) error {
		if err := c.Start(ctx); err != nil {
			return err
		}
		_, err := connectSoon(ctx, s.url, s.source, func() bool { return running(ctx, c) })
		return err
	}
	s.another = func(ctx context.Context) (*Server, error) { return ownContainer(ctx, image) }
	return s, nil
}

// runContainer runs the image and waits until its server answers, at the loopback
// port or, if that is empty, at a free one of the engine's choice.
func runContainer(ctx context.Context, image, hostPort string, more ...testcontainers.ContainerCustomizer) (*Server, testcontainers.Container, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute) // pulling takes long, where it is possible
	defer cancel()
	env, tmpfs := map[string]string{"POSTGRES_HOST_AUTH_METHOD": "trust"}, map[string]string{}
	if hostPort == "" { // one that is halted keeps its data; of others they are in memory, as in dataFolder
		env["PGDATA"] = containerData + "/data"
		tmpfs[containerData] = ""
	}
	c, err := testcontainers.Run(ctx, image, append(more,
		testcontainers.WithEnv(env),
		testcontainers.WithTmpfs(tmpfs),
		testcontainers.WithCmd(append([]string{"postgres"}, settings...)...),
		testcontainers.WithExposedPorts(containerPort),
		testcontainers.WithConfigModifier(func(c *container.Config) { c.StopSignal = "SIGINT" }), // does not wait for clients
		testcontainers.WithHostConfigModifier(func(h *container.HostConfig) {
			h.AutoRemove = hostPort == "" // one that is halted stays
			h.ShmSize = 256 << 20         // parallel queries keep their shared memory there
			h.PortBindings = network.PortMap{network.MustParsePort(containerPort): {{HostIP: loopback, HostPort: hostPort}}}
		}))...)
	if err != nil {
		return nil, nil, errors.Join(err, removed(c))
	}
	port, err := c.MappedPort(ctx, containerPort)
	if err != nil {
		return nil, nil, errors.Join(err, removed(c))
	}
	url := fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable", netip.AddrPortFrom(loopback, port.Num()))
	s, err := connectSoon(ctx, url, "container "+image, func() bool { return running(ctx, c) })
	if err != nil {
		return nil, nil, errors.Join(err, removed(c))
	}
	return s, c, nil
}

func running(ctx context.Context, c testcontainers.Container) bool {
	state, err := c.State(ctx)
	return err == nil && state.Running
}

func removed(c testcontainers.Container) error {
	return testcontainers.TerminateContainer(c, testcontainers.StopTimeout(0))
}

// othersUse gives up this process's share in the server and says whether another
// process has one. If none has, none gets one any more: it waits until the server is gone.
func othersUse(ctx context.Context, member *pgx.Conn) bool {
	var alone bool
	_, err := member.Exec(ctx, "select pg_advisory_unlock_shared($1)", memberLock)
	if err == nil {
		err = member.QueryRow(ctx, "select pg_try_advisory_lock($1)", memberLock).Scan(&alone)
	}
	return err == nil && !alone
}
