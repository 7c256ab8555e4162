package cli

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// A spinner shows a person that something goes on, and what. Where no person
// looks it is silent.
type spinner struct {
	w     io.Writer
	mu    sync.Mutex
	stage string
	stop  chan struct{}
	done  sync.WaitGroup
}

// startSpinner starts a spinner on w, or a silent one.
func startSpinner(w io.Writer, silent bool) *spinner {
	s := &spinner{w: w, stop: make(chan struct{})}
	if !silent {
		s.done.Go(s.spin)
	}
	return s
}

// show names the stage that begins.
func (s *spinner) show(stage string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stage = stage
}

// end takes the spinner off the screen.
func (s *spinner) end() {
	close(s.stop)
	s.done.Wait()
}

func (s *spinner) spin() {
	const eraseLine = "\r\x1b[K"
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	start := time.Now()
	for i := 0; ; i++ {
		select {
		case <-s.stop:
			fmt.Fprint(s.w, eraseLine)
			return
		case now := <-tick.C:
			s.mu.Lock()
			stage := s.stage
			s.mu.Unlock()
			fmt.Fprintf(s.w, "%s%c %s %ds", eraseLine, []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")[i%10], stage, int(now.Sub(start).Seconds()))
		}
	}
}
