package smpp

import (
	"context"
	"time"
)

// keep is the one clock of a session: it asks a silent peer, ends a dead or
// idle link and times out requests.
func (s *Session) keep() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var asked question
	for {
		select {
		case <-timer.C:
		case <-s.recheck:
		case <-s.ended:
			return
		}
		now := s.clock()
		s.expire(now)
		next := s.watch(now, &asked)
		s.mu.Lock()
		if d := s.pending.nextDeadline(); d != 0 && d < next {
			next = d
		}
		s.nextWake = next
		s.mu.Unlock()
		timer.Reset(next - now)
	}
}

// question is an enquire_link that nothing has followed yet.
type question struct {
	at    time.Duration // 0 when none is open
	heard int64         // PDUs read before it
}

// watch acts on the peer's silence and yields when to look again.
func (s *Session) watch(now time.Duration, asked *question) time.Duration {
	state := s.State()
	if state == StateOpen {
		if now >= s.cfg.BindTimeout {
			s.fail(ErrBindTimeout)
		}
		return s.cfg.BindTimeout
	}
	lastIn, heard := time.Duration(s.lastIn.Load()), s.heard.Load()
	if heard != asked.heard {
		*asked = question{}
	}
	switch {
	case asked.at != 0 && now >= asked.at+s.cfg.EnquireTimeout:
		s.fail(ErrLinkDead)
	case asked.at == 0 && now >= lastIn+s.cfg.EnquireEvery:
		*asked = question{now, heard}
		s.ask(EnquireLink)
	}
	next := lastIn + s.cfg.EnquireEvery
	if asked.at != 0 {
		next = asked.at + s.cfg.EnquireTimeout
	}
	if s.cfg.Inactivity > 0 && state.Bound() {
		idle := time.Duration(s.lastMsg.Load()) + s.cfg.Inactivity
		if now >= idle {
			s.loops.Go(func() { _ = s.end(context.Background(), ErrInactive) })
			return now + s.cfg.Inactivity
		}
		next = min(next, idle)
	}
	return next
}
