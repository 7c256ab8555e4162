package llm

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pgmcp/pgmcp/internal/config"
)

func TestReach(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("sk-secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   string // of the error; empty: none
	}{
		{"a list", 200, `{"data": [{"id": "m"}]}`, ""},
		{"no list", 404, `{"error": {"message": "no such path"}}`, ""},
		{"no list, and a page", 404, `<html>`, ""},
		{"a wrong key", 401, `{"error": {"message": "sk-secret is no key"}}`, "rejected the request with status 401"},
		{"busy", 503, ``, "503"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v1/models" || r.Header.Get("Authorization") != "Bearer sk-secret" {
					t.Errorf("asked for %s", r.URL.Path)
				}
				w.WriteHeader(c.status)
				w.Write([]byte(c.body))
			}))
			defer server.Close()
			llm := &config.LLM{BaseURL: server.URL + "/v1", APIKey: &config.Secret{File: key}, Timeout: config.Duration(time.Minute)}
			err := Reach(t.Context(), llm)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "sk-secret") {
				t.Errorf("the error holds the key: %v", err)
			}

			judged := *llm
			judged.Judge = &config.Judge{BaseURL: "http://127.0.0.1:1/v1"}
			if err := Reach(t.Context(), &judged); err == nil || c.want == "" && !strings.Contains(err.Error(), "llm.judge: cannot reach the model at 127.0.0.1:1") {
				t.Errorf("with a judge that is down: %v", err)
			}
		})
	}
}
