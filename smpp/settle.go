package smpp

import (
	"fmt"
	"time"
)

// settle gives a request its outcome and takes it off the table. Session.mu
// is held. Whoever calls it calls settled when there is no more to settle.
func (s *Session) settle(r *request, result SubmitResult, err error) {
	s.pending.remove(r)
	result.Ref = r.ref
	r.out = outcome{result, err}
	switch {
	case r.done != nil:
		s.finished = append(s.finished, r)
	case r.given:
		<-s.slots
		s.pending.recycle(r)
	default:
		<-s.slots
		r.wait <- struct{}{}
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
	s.lost = s.pending.first != nil
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
	var batch []*request
	for more := true; more; {
		_, more = <-s.results
		s.mu.Lock()
		for _, r := range batch {
			s.pending.recycle(r)
		}
		batch, s.finished = s.finished, batch[:0]
		s.mu.Unlock()
		for range batch {
			<-s.slots
		}
		for _, r := range batch {
			r.done(r.out.result, r.out.err)
		}
	}
}
