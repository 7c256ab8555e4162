package cli

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSpinner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := startSpinner(&out, false)
		s.show("generate")
		time.Sleep(1050 * time.Millisecond)
		s.show("run")
		time.Sleep(time.Second)
		s.end()
		frames := strings.Split(out.String(), "\r\x1b[K")
		if len(frames) != 22 || frames[21] != "" {
			t.Errorf("%d frames, the last %q", len(frames), frames[len(frames)-1])
		}
		if !strings.HasSuffix(frames[10], "generate 1s") || !strings.HasSuffix(frames[11], "run 1s") {
			t.Errorf("frames %q, %q", frames[10], frames[11])
		}
	})
}

func TestSpinnerIsSilentInAPipe(t *testing.T) {
	var out bytes.Buffer
	s := startSpinner(&out, true)
	s.show("generate")
	s.end()
	if out.Len() > 0 {
		t.Errorf("it wrote %q", out.String())
	}
}
