package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pgmcp/pgmcp/internal/pgtest"
	"github.com/pgmcp/pgmcp/internal/replay"
)

// TestCommands runs scripts that use each command, and looks at what it says
// when it fails: those whose first line is "# fails: TEXT" must fail with TEXT.
func TestCommands(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	server := pgtest.Any(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(string(text), "\n")
			want, fails := strings.CutPrefix(first, "# fails: ")
			o := options(server)
			o.Golden, o.Update = "testdata/golden", false
			r := replay.Run(t.Context(), o, file)
			_, said, _ := strings.Cut(r.Log, "\n") // without the line that says what it must say
			switch {
			case fails && (r.Status != replay.Fail || !strings.Contains(said, want)):
				t.Errorf("%s, want failure with %q:\n%s", r.Status, want, r.Log)
			case !fails && r.Status != replay.Pass:
				t.Errorf("%s:\n%s", r.Status, r.Log)
			}
		})
	}
}

// echoServer is an MCP server with one tool, which gives back what it got; it
// says no to "fail", and with "stay" it stays until it is cancelled, of which
// files tell. With an argument it serves HTTP and writes its address there.
func echoServer() {
	s := mcp.NewServer(&mcp.Implementation{Name: "echo", Version: "1"}, nil)
	s.AddTool(&mcp.Tool{Name: "echo", InputSchema: json.RawMessage(`{"type":"object"}`)},
		func(ctx context.Context, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			if token := r.Params.GetProgressToken(); token != nil {
				for i, word := range []string{"one", "two"} {
					r.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{ProgressToken: token, Progress: float64(i), Message: word})
				}
			}
			if bytes.Contains(r.Params.Arguments, []byte(`"stay"`)) {
				os.WriteFile("stays", []byte("yes"), 0o644)
				<-ctx.Done()
				os.WriteFile("cancelled", []byte("yes"), 0o644)
			}
			return &mcp.CallToolResult{
				Content:           []mcp.Content{&mcp.TextContent{Text: "said"}},
				StructuredContent: r.Params.Arguments,
				IsError:           bytes.Contains(r.Params.Arguments, []byte(`"fail"`)),
			}, nil
		})
	os.Stderr.WriteString("echo is here\n")
	if len(os.Args) > 1 {
		h := httptest.NewServer(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, &mcp.StreamableHTTPOptions{Stateless: true}))
		if err := os.WriteFile(os.Args[1], []byte(h.URL), 0o644); err != nil {
			log.Fatal(err)
		}
		select {} // until it is interrupted
	}
	if err := s.Run(context.Background(), &mcp.StdioTransport{}); err != nil {
		os.Exit(1)
	}
}

// ask asks the model at MODEL_URL in the stage of its first argument, for as
// long as the second says.
func ask() {
	ctx := context.Background()
	if len(os.Args) > 2 {
		d, _ := time.ParseDuration(os.Args[2])
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	body := fmt.Sprintf(`{"model": "m", "messages": [{"role": "user", "content": "how many %[1]s\n\"how many?\""}],
		"response_format": {"json_schema": {"name": %[1]q}}}`, os.Args[1])
	req, err := http.NewRequestWithContext(ctx, "POST", os.Getenv("MODEL_URL")+"/chat/completions", strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer k")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s after %s\n%s\n", res.Status, res.Header.Get("Retry-After"), text)
	var reply struct {
		Choices []struct{ Message struct{ Content string } }
	}
	if json.Unmarshal(text, &reply) != nil || len(reply.Choices) == 0 {
		os.Exit(1)
	}
	fmt.Println(reply.Choices[0].Message.Content)
}

// dial connects to a database and prints how long a round trip takes, in
// milliseconds; with "stay" it sends a query that ends only when the connection does.
func dial() {
	ctx := context.Background()
	conn, err := pgconn.Connect(ctx, os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if len(os.Args) > 2 {
		_, err := conn.Exec(ctx, "set application_name = 'stay'; select pg_sleep(600)").ReadAll()
		if _, ok := errors.AsType[*pgconn.PgError](err); err != nil && !ok {
			fmt.Println("cut off")
		}
		return
	}
	start := time.Now()
	if _, err := conn.Exec(ctx, "select 1").ReadAll(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(time.Since(start).Milliseconds())
}

// TestUpdate proves that -update rewrites what differs, and nothing of a scenario
// that fails for another reason.
func TestUpdate(t *testing.T) {
	const differs = "exec echo new\ncmp stdout want\ngolden stdout want.txt\n"
	const files = "-- want --\nold\n"
	for _, c := range []struct{ name, script, want, golden string }{
		{"passes", differs, "new\n", "new\n"},
		{"fails", differs + "exec false\n", "old\n", "old\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			file, golden := filepath.Join(dir, "s.txtar"), filepath.Join(dir, "want.txt")
			for name, text := range map[string]string{file: c.script + files, golden: "old\n"} {
				if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			r := replay.Run(t.Context(), replay.Options{Golden: dir, Update: true}, file)
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(a.Files[0].Data); got != c.want {
				t.Errorf("the script has %q, want %q:\n%s", got, c.want, r.Log)
			}
			text, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if string(text) != c.golden {
				t.Errorf("the golden file has %q, want %q:\n%s", text, c.golden, r.Log)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	var b bytes.Buffer
	replay.Help(&b)
	readme, err := os.ReadFile(filepath.Join(scenarios, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		before, rest, _ := strings.Cut(string(readme), "<!-- commands -->\n")
		_, after, _ := strings.Cut(rest, "<!-- end -->")
		readme = []byte(before + "<!-- commands -->\n```text\n" + b.String() + "```\n<!-- end -->" + after)
		if err := os.WriteFile(filepath.Join(scenarios, "README.md"), readme, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(string(readme), b.String()) {
		t.Error("scenarios/README.md does not list the commands as they are; -update rewrites it")
	}
}
