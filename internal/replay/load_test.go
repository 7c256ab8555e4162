package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgmcp/pgmcp/internal/pgtest"
)

var (
	loadClients = flag.Int("load.clients", 40, "how many clients TestLoad has")
	loadTime    = flag.Duration("load.time", 2*time.Second, "how long they call")
)

// maxMemory bounds what pgmcp may take under load, in MiB.
const maxMemory = 512

const loadConfig = `
server: {transport: "http", listen: "127.0.0.1:0", trusted_proxies: ["127.0.0.1/32"]}
databases: shop: {url: file: "url", security: allow_privileged_role: true}
resilience: limits: {client: "120/min", statement: "1000/s"}
resilience: concurrency: {tool: 64, statement: 16}
observability: log: level: "error"
`

// TestLoad has many clients call at once, as fast as they can, for some time: each
// call gets an answer or a refusal that a client can act on, and what pgmcp takes of
// memory is bounded.
func TestLoad(t *testing.T) {
	script := "create table orders as select g as id, 'order ' || g as text from generate_series(1, 1000) g;"
	url := pgtest.Open(t, script)
	dir := t.TempDir()
	for name, text := range map[string]string{"url": url, "config.cue": loadConfig} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server, endpoint := startPgmcp(t, dir)
	var mu sync.Mutex
	ended := map[string]int{} // calls, by how they ended
	ctx, cancel := context.WithTimeout(t.Context(), *loadTime)
	defer cancel()
	transport := &http.Transport{MaxIdleConnsPerHost: *loadClients}
	defer transport.CloseIdleConnections()
	var clients sync.WaitGroup
	for i := range *loadClients {
		clients.Go(func() {
			c := loadClient{http.Client{Transport: transport, Timeout: time.Minute}, endpoint, fmt.Sprintf("10.0.%d.%d", i/250, i%250)}
			mine := map[string]int{}
			for n := 0; ctx.Err() == nil; n++ {
				outcome, pause := c.call(t, n)
				mine[outcome]++
				select {
				case <-time.After(pause):
				case <-ctx.Done():
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for outcome, n := range mine {
				ended[outcome] += n
			}
		})
	}
	clients.Wait()
	memory := peakMemory(t, server.Process.Pid)
	t.Logf("%d clients for %s: %v; pgmcp took %d MiB at most", *loadClients, *loadTime, ended, memory)
	allowed := []string{"ok", "rate_limited", "too_busy"}
	for _, outcome := range slices.Sorted(maps.Keys(ended)) {
		if !slices.Contains(allowed, outcome) {
			t.Errorf("%d calls ended with %s", ended[outcome], outcome)
		}
	}
	if ended["ok"] == 0 || memory > maxMemory {
		t.Errorf("%d calls got an answer, and pgmcp took %d MiB", ended["ok"], memory)
	}
	if err := server.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("pgmcp ended with %v", err)
	}
	if left := connections(t, url); left != 0 {
		t.Errorf("%d connections are left", left)
	}
}

// startPgmcp serves the configuration in dir.
func startPgmcp(t *testing.T, dir string) (*exec.Cmd, string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	addr := filepath.Join(dir, "addr")
	cmd := exec.Command(self)
	cmd.Args = []string{"pgmcp", "serve", "--addr-file", addr, "config.cue"} // as which TestMain runs it
	cmd.Dir, cmd.Stderr = dir, &bytes.Buffer{}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
		if t.Failed() {
			t.Logf("%s", cmd.Stderr)
		}
	})
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if text, err := os.ReadFile(addr); err == nil {
			return cmd, strings.TrimSpace(string(text))
		}
	}
	t.Fatal("pgmcp does not listen")
	return nil, ""
}

type loadClient struct {
	http     http.Client
	endpoint string
	address  string // as a proxy of ours says
}

// call calls a tool and says how that ended, and after what time to call again.
func (c *loadClient) call(t *testing.T, n int) (outcome string, pause time.Duration) {
	calls := []string{
		`{"name": "execute_sql", "arguments": {"sql": "select count(*) from orders"}}`,
		fmt.Sprintf(`{"name": "execute_sql", "arguments": {"sql": "select id, text from orders where id = %d"}}`, n%1000),
		`{"name": "list_databases", "arguments": {}}`,
		`{"name": "search_objects", "arguments": {"query": "orders"}}`,
	}
	body := fmt.Sprintf(`{"jsonrpc": "2.0", "id": %d, "method": "tools/call", "params": %s}`, n, calls[n%len(calls)])
	r, err := http.NewRequest("POST", c.endpoint, strings.NewReader(body))
	if err != nil {
		return err.Error(), 0
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
		"Mcp-Protocol-Version": "2025-11-25", "X-Forwarded-For": c.address,
	} {
		r.Header.Set(name, value)
	}
	res, err := c.http.Do(r)
	if err != nil {
		return err.Error(), 0
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error(), 0
	}
	var reply struct {
		ID     int
		Result *struct {
			IsError           bool
			StructuredContent struct {
				Code       string
				RetryAfter float64 `json:"retry_after"`
			}
		}
	}
	if err := json.Unmarshal(data(text), &reply); err != nil || reply.Result == nil || reply.ID != n {
		return fmt.Sprintf("status %d: %.100s", res.StatusCode, text), 0
	}
	if !reply.Result.IsError {
		return "ok", 0
	}
	reason := reply.Result.StructuredContent
	if reason.RetryAfter <= 0 {
		return reason.Code + " without a time to wait", 0
	}
	return reason.Code, min(time.Duration(reason.RetryAfter*float64(time.Second)), time.Second)
}

// data is the message of a reply, which may come as the one event of a stream.
func data(reply []byte) []byte {
	if m := regexp.MustCompile(`(?m)^data: (.*)$`).FindSubmatch(reply); m != nil {
		return m[1]
	}
	return reply
}

// peakMemory is the most that a process has held, in MiB; 0 where nobody says.
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s*(\d+) kB`).FindSubmatch(status)
	if m == nil {
		return 0
	}
	kib, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kib >> 10
}

// connections are those that pgmcp has to a database.
func connections(t *testing.T, url string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		err := conn.QueryRow(t.Context(), "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()").Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	return n
}
