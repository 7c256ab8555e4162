package cli

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgmcp/pgmcp/internal/mcpserver"
)

// Trouble is told from no database at all, and a model that is down is trouble.
func TestVerdict(t *testing.T) {
	ok, down := &modelHealth{Status: "ok"}, &modelHealth{"down", "status 500"}
	for _, tt := range []struct {
		databases string
		model     *modelHealth
		want      error
	}{
		{"ok", nil, nil},
		{"ok", ok, nil},
		{"ok", down, errPartly},
		{"degraded", nil, errPartly},
		{"degraded", ok, errPartly},
		{"degraded", down, errPartly},
		{"down", nil, errNo},
		{"down", ok, errNo},
		{"down", down, errNo},
	} {
		r := &healthReport{HealthReport: &mcpserver.HealthReport{Status: tt.databases}, Model: tt.model}
		if got := r.verdict(); !errors.Is(got, tt.want) {
			t.Errorf("databases %s, model %+v: %v, want %v", tt.databases, tt.model, got, tt.want)
		}
	}
}

func TestPrintHealthOfModel(t *testing.T) {
	for model, want := range map[modelHealth]string{
		{Status: "ok"}:         "model: ok\n",
		{"down", "no\nanswer"}: "model: down: no\nanswer\n",
	} {
		var out bytes.Buffer
		r := &mcpserver.HealthReport{Status: "ok"}
		if err := (&app{stdout: &out}).printHealth(&healthReport{r, &model}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(mcpserver.HealthText(r)+"\n"+want, out.String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
