package mcpserver

import (
	"sync"

	"github.com/pgmcp/pgmcp/internal/call"
)

// A generation is the tools of one configuration, and the chain to them. A call
// ends in the one that it began in.
type generation struct {
	tools *Tools
	chain call.Chain
	calls int    // under way
	done  func() // is called when it has been replaced and its last call has ended
}

// A succession is the generation in force, and calls in it and in former ones.
type succession struct {
	mu      sync.Mutex
	current *generation
	ending  int       // former ones that are giving back what they needed
	ended   sync.Cond // one of them has
}

// Replace has calls that begin from now on answered by tools, through chain. When
// those that began before have ended it calls done, if not nil, which gives back
// what the former tools need. Nobody waits for that but [succession.Wait].
func (s *succession) Replace(tools *Tools, chain call.Chain, done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	former := s.current
	s.current = &generation{tools: tools, chain: chain}
	former.done = done
	s.endIfOver(former)
}

// Wait waits until what the generations need whose last calls have ended is given
// back.
func (s *succession) Wait() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.ending > 0 {
		s.ended.Wait()
	}
}

// enter begins a call in the generation in force. [succession.leave] comes after.
func (s *succession) enter() *generation {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.calls++
	return s.current
}

func (s *succession) leave(g *generation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.calls--
	s.endIfOver(g)
}

// endIfOver gives back what g needs if no call will need it, while the last one
// gets its answer.
func (s *succession) endIfOver(g *generation) {
	if g == s.current || g.calls > 0 || g.done == nil {
		return
	}
	s.ending++
	go func() {
		g.done()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ending--
		s.ended.Broadcast()
	}()
}
