package smpp

import (
	"fmt"
	"time"
)

// finished is a settled request of SubmitAsync, which still holds its slot.
type finished struct {
	done   func(SubmitResult, error)
	result SubmitResult
	err    error
}

// settle gives a request its outcome and takes it off the table. Session.mu
// is held. Whoever calls it calls settled once it has no more.
func (s *Session) settle(r *request, result SubmitResult, err error) {
	s.pending.remove(r)
	result.Ref = r.ref
	switch {
	case r.done != nil:
		s.finished = append(s.finished, finished{r.done, result, err})
		s.pending.recycle(r)
	case r.given:
		<-s.slots
		s.pending.recycle(r)
	default:
		<-s.slots
		r.wait <- outcome{result, err}
	}
}

// settled has the callbacks run of what settle has gathered: all of it in one
// go, so that a full read buffer wakes their goroutine once.
func (s *Session) settled() {
	s.mu.Lock()
	some := len(s.finished) > 0
	s.mu.Unlock()
	if some {
		signal(s.results)
	}
}

// settleAll gives every request that the lost link left its outcome.
func (s *Session) settleAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := s.pending.first; r != nil; r = s.pending.first {
		cause := ErrNotSent
		if r.end <= s.written {
			cause = ErrLinkLost
		}
		s.settle(r, SubmitResult{Seq: r.seq}, fmt.Errorf("%w: %w", cause, s.err))
	}
}

// expire times out the requests whose deadline has come.
func (s *Session) expire(now time.Duration) {
	s.mu.Lock()
	for r := s.pending.first; r != nil && r.deadline != 0 && r.deadline <= now; r = s.pending.first {
		s.pending.remember(r)
		s.settle(r, SubmitResult{Seq: r.seq}, ErrTimeout)
	}
	s.mu.Unlock()
	s.settled()
}

// complete runs the callbacks of SubmitAsync, one at a time, until the session
// has none left. Slots are free before the callbacks that may want them.
func (s *Session) complete() {
	var batch []finished
	for more := true; more; {
		_, more = <-s.results
		s.mu.Lock()
		batch, s.finished = s.finished, batch[:0]
		s.mu.Unlock()
		for range batch {
			<-s.slots
		}
		for _, f := range batch {
			f.done(f.result, f.err)
		}
		clear(batch)
	}
}
