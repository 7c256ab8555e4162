package mcpserver

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestReadinessAsksOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r readiness
		asked := 0
		ask := func(context.Context) string {
			asked++
			return "ok"
		}
		for range 2 {
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() {
					if got := r.get(t.Context(), ask); got != "ok" {
						t.Errorf("the status is %q", got)
					}
				})
			}
			all.Wait()
			time.Sleep(readinessAge)
		}
		if asked != 2 {
			t.Errorf("asked %d times in two seconds", asked)
		}
	})
}
