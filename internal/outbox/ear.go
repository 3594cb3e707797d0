package outbox

import (
	"slices"
	"sync"
	"time"
)

// ear knows when this process has listened to each operator: when it had a
// lane of it and could store what was said.
type ear struct {
	mu     sync.Mutex
	of     map[string]*listening
	stored time.Time // the last time that the database took something
}

type listening struct {
	lanes int
	since time.Time // while there are lanes
	past  []span    // before that
}

// itself is listened to from the start of the process.
const itself = ""

type span struct{ from, to time.Time }

func newEar() *ear { return &ear{of: map[string]*listening{}} }

// open listens to operator from now on, until leave is called.
func (e *ear) open(operator string, now func() time.Time) (leave func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := e.of[operator]
	if l == nil {
		l = &listening{}
		e.of[operator] = l
	}
	if l.lanes++; l.lanes == 1 {
		l.since = now()
	}
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if l.lanes--; l.lanes == 0 {
			l.past = append(l.past, span{l.since, now()})
		}
	}
}

// well notes that the database takes what is said.
func (e *ear) well(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stored = now
}

// deaf notes that it does not, nor did since it was last well.
func (e *ear) deaf(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.of {
		if l.lanes == 0 {
			continue
		}
		if e.stored.After(l.since) {
			l.past = append(l.past, span{l.since, e.stored})
		}
		l.since = now
	}
}

// heard gives, for each operator, the instant since which it has been listened
// to for so long. Operators that were not are left out.
func (e *ear) heard(long time.Duration, now time.Time) map[string]time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	since := map[string]time.Time{}
	for operator, l := range e.of {
		spans := l.past
		if l.lanes > 0 {
			spans = append(slices.Clip(spans), span{l.since, now})
		}
		left := long
		for i, s := range slices.Backward(spans) {
			d := s.to.Sub(s.from)
			if d >= left {
				since[operator] = s.to.Add(-left)
				l.past = l.past[min(i, len(l.past)):]
				break
			}
			left -= d
		}
	}
	return since
}
