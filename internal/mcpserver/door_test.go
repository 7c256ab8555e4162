package mcpserver

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
)

// doorOf is a door for owners of tokens, by their names.
func doorOf(t *testing.T, tokens map[string]string, trusted ...string) (*Door, error) {
	t.Helper()
	c := config.Server{Tokens: map[string]config.Token{}, TrustedProxies: trusted}
	for name, text := range tokens {
		file := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c.Tokens[name] = config.Token{Token: config.Secret{File: file}}
	}
	return NewDoor(c)
}

func TestBearer(t *testing.T) {
	const ann, bea = "ann-0123456789abcdef", "bea-0123456789abcdef"
	door, err := doorOf(t, map[string]string{"ann": ann, "bea": bea})
	if err != nil {
		t.Fatal(err)
	}
	log := &logBuffer{}
	s := New(&Tools{}, call.Chain{}, slog.New(slog.NewTextHandler(log, nil)))
	s.Admit(door)
	front := s.admit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, call.Principal(r.Context())) }))
	for header, want := range map[string]string{
		"Bearer " + ann:             "ann",
		"bearer " + bea:             "bea",
		"Bearer  " + ann + " ":      "ann",
		"":                          "",
		"Bearer":                    "",
		"Bearer ":                   "",
		ann:                         "",
		"Basic " + ann:              "",
		"Bearer " + ann[:19]:        "",
		"Bearer " + ann + "x":       "",
		"Bearer " + ann + " " + bea: "",
	} {
		r := httptest.NewRequest("POST", "/mcp", nil)
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		w := httptest.NewRecorder()
		front.ServeHTTP(w, r)
		switch {
		case want != "" && (w.Code != 200 || w.Body.String() != want):
			t.Errorf("%q: %d %s", header, w.Code, w.Body)
		case want == "" && (w.Code != 401 || w.Header().Get("WWW-Authenticate") != `Bearer realm="pgmcp"`):
			t.Errorf("%q: %d %v", header, w.Code, w.Header())
		}
	}
	if !strings.Contains(log.String(), `msg="no valid token" client=192.0.2.1`) || strings.Contains(log.String(), "0123456789") {
		t.Errorf("the log is\n%s", log.String())
	}
}

// The numbers are of all databases and tools, and not for who sees only some.
func TestMetricsAreOfEverything(t *testing.T) {
	const text = "0123456789abcdef-"
	for name, c := range map[string]struct {
		databases, tools []string
		want             int
	}{
		"all":       {nil, nil, 200},
		"databases": {[]string{}, nil, 403},
		"tools":     {nil, []string{Health}, 403},
	} {
		door, err := doorOf(t, map[string]string{name: text + name})
		if err != nil {
			t.Fatal(err)
		}
		door.bearers[0].databases, door.bearers[0].tools = c.databases, c.tools
		s := New(&Tools{}, call.Chain{}, silent())
		s.Admit(door)
		s.ShowMetrics(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "numbers") }))
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.Header.Set("Authorization", "Bearer "+text+name)
		w := httptest.NewRecorder()
		s.handler().ServeHTTP(w, r)
		if w.Code != c.want || strings.Contains(w.Body.String(), "numbers") != (c.want == 200) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestTokensThatAreNone(t *testing.T) {
	for _, c := range []struct {
		tokens map[string]string
		want   string
	}{
		{map[string]string{"ann": "too-short"}, "has fewer than 16 characters"},
		{map[string]string{"ann": ""}, "is empty"},
		{map[string]string{"ann": "one-and-the-same-token", "bea": "one-and-the-same-token\n"}, "token of bea: it is that of ann, too"},
	} {
		_, err := doorOf(t, c.tokens)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c.tokens, err)
		}
		if err != nil && (strings.Contains(err.Error(), "too-short") || strings.Contains(err.Error(), "one-and")) {
			t.Errorf("the token is in the error: %v", err)
		}
	}
}

func TestClientAddress(t *testing.T) {
	for _, c := range []struct {
		peer      string
		forwarded []string
		want      string
	}{
		{"192.0.2.9:1234", nil, "192.0.2.9"},
		{"[2001:db8::1]:1234", nil, "2001:db8::1"},
		{"[::ffff:192.0.2.9]:1234", nil, "192.0.2.9"},
		{"192.0.2.9:1234", []string{"198.51.100.1"}, "192.0.2.9"}, // a stranger's word
		{"10.0.0.1:1234", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:1234", []string{"203.0.113.7, 198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:1234", []string{"203.0.113.7, 198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"10.0.0.1:1234", []string{"203.0.113.7", "198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:1234", []string{"2001:db8::1"}, "2001:db8::1"},
		{"10.0.0.1:1234", []string{"198.51.100.1, nonsense"}, "10.0.0.1"},
		{"10.0.0.1:1234", []string{""}, "10.0.0.1"},
		{"10.0.0.1:1234", nil, "10.0.0.1"},
		{"[::1]:1234", []string{"198.51.100.1"}, "198.51.100.1"},
	} {
		door, err := doorOf(t, nil, "10.0.0.0/8", "::1/128")
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "/mcp", nil)
		r.RemoteAddr = c.peer
		for _, f := range c.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		if got := door.client(r); got != c.want {
			t.Errorf("%s, forwarded for %q: got %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}

// The schema knows the tools by name, where it limits or allows them.
func TestSchemaKnowsTheTools(t *testing.T) {
	for _, tool := range []string{ListDatabases, SearchObjects, ExecuteSQL, ExplainSQL, Ask, Health, "drop_database"} {
		file := filepath.Join(t.TempDir(), "config.cue")
		text := `databases: shop: url: env: "X"` + "\n" + `resilience: limits: tools: ` + tool + `: "1/s"`
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Load(file); (err == nil) != (tool != "drop_database") {
			t.Errorf("%s: %v", tool, err)
		}
	}
}
