package bench

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Times gathers how long something took. It is safe for concurrent use.
type Times struct {
	mu  sync.Mutex
	all []time.Duration
}

// Add counts one.
func (t *Times) Add(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, d)
}

// Count is how many were added.
func (t *Times) Count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all)
}

// At gives the duration that the share q of all did not exceed.
func (t *Times) At(q float64) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.all) == 0 {
		return 0
	}
	slices.Sort(t.all)
	return t.all[min(len(t.all)-1, int(q*float64(len(t.all))))]
}

// String is one line of a report.
func (t *Times) String() string {
	return fmt.Sprintf("p50 %v, p99 %v", round(t.At(0.50)), round(t.At(0.99)))
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
