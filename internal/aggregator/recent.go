package aggregator

import (
	"sync"
	"time"
)

const (
	// No session lives longer in a network.
	recentLives = 5 * time.Minute
	mostRecent  = 100_000 // in each half
)

// recent remembers the numbers of live sessions, for an aggregator that gives
// them once. It is this process's own: what it forgets is asked for by dialling
// again. Two halves take turns, so that it needs no sweeper.
type recent struct {
	mu       sync.Mutex
	now, was map[string]string
	turned   time.Time
}

func (r *recent) keep(session, number string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn(at)
	r.now[session] = number
}

func (r *recent) number(session string, at time.Time) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn(at)
	if n, ok := r.now[session]; ok {
		return n
	}
	return r.was[session]
}

func (r *recent) drop(session string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.now, session)
	delete(r.was, session)
}

func (r *recent) turn(at time.Time) {
	if r.now == nil || at.Sub(r.turned) > recentLives || len(r.now) >= mostRecent {
		r.was, r.now, r.turned = r.now, map[string]string{}, at
	}
}
