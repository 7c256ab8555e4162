package pgtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/testcontainers/testcontainers-go"
)

// A starter starts servers from one source.
type starter struct {
	name  string
	start func(context.Context) (*Server, error)
}

// startable are the sources on this machine that start servers.
func startable(t *testing.T) []starter {
	t.Helper()
	var all []starter
	noEngine := engine(t.Context())
	if noEngine == nil {
		image := strings.Fields(os.Getenv("PGMCP_TEST_IMAGE") + " " + os.Getenv("PGMCP_TEST_IMAGES") + " postgres:17")[0]
		name := fmt.Sprintf("pgmcp-test-own-%d", os.Getpid()) // not one that others use now
		all = append(all, starter{"container", func(ctx context.Context) (*Server, error) {
			return startContainer(ctx, image, name, io.Discard)
		}})
	} else if os.Getenv("PGMCP_REQUIRE_CONTAINER") == "1" {
		t.Fatal(noEngine)
	}
	for _, b := range findBinaries(t.Context(), io.Discard) {
		all = append(all, starter{fmt.Sprintf("local%d", b.major), func(ctx context.Context) (*Server, error) {
			return startLocal(ctx, b)
		}})
	}
	return all
}

// server is a server that is closed at the test's end.
func (s starter) server(t *testing.T) *Server {
	t.Helper()
	started, err := s.start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := started.Close(); err != nil {
			t.Error(err)
		}
	})
	return started
}

func TestStartAndClose(t *testing.T) {
	for _, start := range startable(t) {
		t.Run(start.name, func(t *testing.T) {
			s, err := start.start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if s.Version()/10000 < oldest || !strings.Contains(s.String(), s.Source()) {
				t.Errorf("server %v of version %d", s, s.Version())
			}
			u, drop, err := s.Database(t.Context(), stamped)
			if err != nil {
				t.Fatal(err)
			}
			stamp(t, u)
			if err := drop(t.Context()); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if c, err := pgx.Connect(t.Context(), s.URL()); err == nil {
				c.Close(t.Context())
				t.Error("the server still answers")
			}
		})
	}
}

// The name of a session that is no hash says that no parent was looked for, and so no
// process of the machine: no program that starts a server from here lists them.
func TestProcessesAreNotListed(t *testing.T) {
	if id := testcontainers.SessionID(); len(id) != len("00000000-0000-0000-0000-000000000000") {
		t.Errorf("the session is %s", id)
	}
	if v, ok := os.LookupEnv("HOST_PROC"); ok {
		t.Errorf("HOST_PROC is left in the environment: %q", v)
	}
}

func TestContainerIsShared(t *testing.T) {
	for _, start := range startable(t) {
		if start.name != "container" {
			continue
		}
		first, second := start.server(t), start.server(t)
		if first.URL() != second.URL() {
			t.Errorf("two containers: %s, %s", first.URL(), second.URL())
		}
		if err := first.Close(); err != nil {
			t.Error(err)
		}
		if _, _, err := second.Database(t.Context(), ""); err != nil {
			t.Errorf("the container went with the first to leave: %v", err)
		}
	}
}

// A process that dies cannot close its server.
func TestLocalServerEndsWithItsProcess(t *testing.T) {
	found := findBinaries(t.Context(), io.Discard)
	for _, b := range found[:min(1, len(found))] {
		for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT} {
			t.Run(signal.String(), func(t *testing.T) {
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), childVar+"="+b.dir)
				cmd.Stderr = os.Stderr
				alive, err := cmd.StdinPipe()
				if err != nil {
					t.Fatal(err)
				}
				defer alive.Close()
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				said, err := bufio.NewReader(out).ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				pid, folder := postmaster(t, strings.TrimSpace(said))
				cmd.Process.Signal(signal)
				cmd.Wait()
				eventually(t, func() error {
					if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
						return fmt.Errorf("process %d is there: %v", pid, err)
					}
					if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
						return fmt.Errorf("folder %s is there: %v", folder, err)
					}
					return nil
				})
			})
		}
	}
}

func TestLocalServerThatDoesNotStart(t *testing.T) {
	start := time.Now()
	s, err := startLocal(t.Context(), binaries{dir: "/nowhere"})
	if err == nil {
		s.Close()
		t.Fatal("a server was started")
	}
	if !strings.Contains(err.Error(), "/nowhere/initdb") {
		t.Errorf("error: %v", err)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("it took %v to see that the server is dead", took)
	}
}

// postmaster is a local server's process, and the folder that it was given.
func postmaster(t *testing.T, url string) (pid int, folder string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	var data string
	if err := c.QueryRow(t.Context(), "show data_directory").Scan(&data); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	if pid, err = strconv.Atoi(first); err != nil {
		t.Fatal(err)
	}
	return pid, filepath.Dir(data)
}

// eventually fails the test if check does for ten seconds.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-deadline:
			t.Fatal(err)
		}
	}
}

func TestURLServerIsLeftAsItWas(t *testing.T) {
	Each(t, func(t *testing.T, s *Server) {
		const script = stamped + " -- by URL"
		same, err := Start(t.Context(), Options{URL: s.URL()})
		if err != nil {
			t.Fatal(err)
		}
		if same.Source() != "url" || same.Version() != s.Version() {
			t.Errorf("server %v of version %d", same, same.Version())
		}
		same.Open(t, script)
		if len(databases(t, s, templateName(script))) == 0 {
			t.Error("no template was made")
		}
		if err := same.Close(); err != nil {
			t.Error(err)
		}
		if left := databases(t, s, templateName(script)); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

func TestStartTellsWhatToDo(t *testing.T) {
	tests := []struct {
		name string
		env  []string
		want string
	}{
		{"no URL", []string{"PGMCP_TEST_POSTGRES=host=/tmp password=secret"}, "does not begin with postgres://"},
		{"nobody at the URL", []string{"PGMCP_TEST_POSTGRES=postgres://u:secret@127.0.0.1:1/"}, "connection refused"},
		{"a container is required", []string{"PGMCP_TEST_POSTGRES=", "PGMCP_TEST_IMAGE=127.0.0.1:1/none", "PGMCP_REQUIRE_CONTAINER=1"}, "container"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = slices.Concat(os.Environ(), []string{childVar + "=start"}, test.env)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatal("a server was started")
			}
			if !strings.Contains(string(out), test.want) || strings.Contains(string(out), "secret") {
				t.Errorf("output %q, want %q in it and no secret", out, test.want)
			}
		})
	}
}

func TestHaltAndResume(t *testing.T) {
	for _, start := range startable(t) {
		t.Run(start.name, func(t *testing.T) {
			first := start.server(t)
			s, err := first.Another(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if s.URL() == first.URL() {
				t.Errorf("it is the same server: %s", s.URL())
			}
			u, _, err := s.Database(t.Context(), stamped)
			if err != nil {
				t.Fatal(err)
			}
			before := stamp(t, u)
			if err := s.Halt(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := readStamp(t.Context(), u); err == nil {
				t.Error("a halted server answers")
			}
			if err := s.Resume(t.Context()); err != nil {
				t.Fatal(err)
			}
			if after := stamp(t, u); after != before {
				t.Errorf("the data is another one: %s, %s", before, after)
			}
			if err := s.Halt(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("close a halted server: %v", err)
			}
		})
	}
}

func TestGivenServerIsLeftAlone(t *testing.T) {
	given := &Server{}
	_, err := given.Another(t.Context())
	for _, err := range []error{err, given.Halt(t.Context()), given.Resume(t.Context())} {
		if !errors.Is(err, ErrGiven) {
			t.Errorf("error: %v", err)
		}
	}
}
