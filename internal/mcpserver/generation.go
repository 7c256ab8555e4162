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
}

// Replace has calls that begin from now on answered by tools, through chain. When
// those that began before have ended it calls done, if not nil, which gives back
// what the former tools need.
func (s *succession) Replace(tools *Tools, chain call.Chain, done func()) {
	s.mu.Lock()
	former := s.current
	s.current = &generation{tools: tools, chain: chain}
	former.done = done
	over := former.calls == 0
	s.mu.Unlock()
	if over {
		former.end()
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
	g.calls--
	over := g.calls == 0 && g != s.current
	s.mu.Unlock()
	if over {
		g.end()
	}
}

func (g *generation) end() {
	if g.done != nil {
		g.done()
	}
}
