package replay

import (
	"context"
	"sync"
)

// Counts are how many scenarios ended in which way.
type Counts struct{ Passed, Failed, Skipped int }

// A Suite is scenarios that run together.
type Suite struct {
	Options
	Files    []string
	Parallel int // how many run at a time; below 1 is 1

	// Progress is told how far it is after each scenario, by one goroutine at a
	// time; nil: nobody is.
	Progress func(done int, c Counts)
}

// Run runs the scenarios and gives their results in the order of the files. When
// ctx ends, those that have not begun are left out.
func (s Suite) Run(ctx context.Context) []Result {
	all := make([]*Result, len(s.Files))
	next := make(chan int)
	var mu sync.Mutex
	var c Counts
	var workers sync.WaitGroup
	for range max(s.Parallel, 1) {
		workers.Go(func() {
			for i := range next {
				r := Run(ctx, s.Options, s.Files[i])
				mu.Lock()
				all[i] = &r
				c.add(r.Status)
				if s.Progress != nil {
					s.Progress(c.Passed+c.Failed+c.Skipped, c)
				}
				mu.Unlock()
			}
		})
	}
	for i := range s.Files {
		select {
		case next <- i:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	workers.Wait()
	var results []Result
	for _, r := range all {
		if r != nil {
			results = append(results, *r)
		}
	}
	return results
}

func (c *Counts) add(s Status) {
	switch s {
	case Pass:
		c.Passed++
	case Fail:
		c.Failed++
	case Skip:
		c.Skipped++
	}
}
