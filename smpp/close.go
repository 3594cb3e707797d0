package smpp

import (
	"context"
	"time"
)

// Close ends the session in order: no new requests, then the answers to what
// is under way both ways (DrainTimeout), then unbind (UnbindTimeout). It
// returns ErrNotDrained when something stayed unanswered. It may be called
// again, and then waits for the end as well.
func (s *Session) Close(ctx context.Context) error {
	err := s.end(ctx, ErrClosed)
	select {
	case <-s.done:
	case <-ctx.Done():
	}
	return err
}

func (s *Session) end(ctx context.Context, reason error) error {
	if !s.stopTaking() {
		select {
		case <-s.ended:
			return nil
		case <-ctx.Done():
			s.fail(reason)
			return ErrNotDrained
		}
	}
	if !s.State().Bound() {
		s.fail(reason)
		return nil
	}
	drained := s.drain(ctx)
	s.mu.Lock()
	if s.state.Bound() {
		s.state = StateUnbinding
	}
	s.mu.Unlock()
	s.ask(Unbind)
	timer := time.NewTimer(s.cfg.UnbindTimeout)
	defer timer.Stop()
	select {
	case <-s.unbound:
	case <-s.ended:
	case <-timer.C:
	case <-ctx.Done():
	}
	s.fail(reason)
	if !drained {
		return ErrNotDrained
	}
	return nil
}

// drain waits until our window is empty and the peer's requests are answered.
// What is drained already stays so when the peer ends the link at the same
// moment.
func (s *Session) drain(ctx context.Context) bool {
	timer := time.NewTimer(s.cfg.DrainTimeout)
	defer timer.Stop()
	for range cap(s.slots) {
		select {
		case s.slots <- struct{}{}:
			continue
		default:
		}
		select {
		case s.slots <- struct{}{}:
		case <-timer.C:
			return false
		case <-s.ended:
			return false
		case <-ctx.Done():
			return false
		}
	}
	s.mu.Lock()
	lost := s.lost
	s.mu.Unlock()
	if lost {
		return false
	}
	select {
	case <-s.work.drained():
		return true
	default:
	}
	select {
	case <-s.work.drained():
		return true
	case <-timer.C:
	case <-s.ended:
	case <-ctx.Done():
	}
	return false
}

// peerUnbinds answers unbind once the peer's earlier requests are answered,
// within UnbindTimeout. [SMPP 3.4 §4.2]
func (s *Session) peerUnbinds(seq uint32) {
	first := s.stopTaking()
	s.mu.Lock()
	if s.state.Bound() {
		s.state = StateUnbinding
	}
	s.mu.Unlock()
	if !first { // we are ending it ourselves
		s.respond(Unbind, StatusOK, seq, Reply{})
		return
	}
	s.loops.Go(func() {
		timer := time.NewTimer(s.cfg.UnbindTimeout)
		defer timer.Stop()
		select {
		case <-s.work.drained():
		case <-timer.C:
		case <-s.ended:
			return
		}
		s.respondLast(Unbind, StatusOK, seq, ErrPeerUnbound)
	})
}
