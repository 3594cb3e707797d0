package smpp

import (
	"fmt"
	"runtime"
	"time"
)

// linger is how long the peer may take to close a link that we end.
const linger = time.Second

// keptBuffer is the greatest write buffer that is used again.
const keptBuffer = 256 << 10

// write is the one writer. What is queued while a write is under way goes
// out with the next one, in one piece.
func (s *Session) write() {
	var spare []byte
	for {
		select {
		case <-s.kick:
		case <-s.ended:
			return
		}
		for {
			// Whoever is about to submit too stands in this write then.
			runtime.Gosched()
			s.mu.Lock()
			batch := s.out
			s.out = spare[:0]
			hangup := s.hangup
			s.full.Store(false)
			s.mu.Unlock()
			if len(batch) == 0 {
				spare = batch
				if hangup != nil {
					s.finish(hangup)
					return
				}
				break
			}
			if !s.flush(batch) {
				return
			}
			if spare = batch; cap(spare) > keptBuffer {
				spare = nil
			}
		}
	}
}

func (s *Session) flush(batch []byte) bool {
	err := s.conn.SetWriteDeadline(time.Now().Add(s.cfg.WriteTimeout))
	n := 0
	if err == nil {
		n, err = s.conn.Write(batch)
	}
	s.mu.Lock()
	s.written += uint64(n)
	now := s.clock()
	if s.pending.wrote(s.written, now+s.cfg.ResponseTimeout) {
		s.lastMsg.Store(int64(now))
	}
	near := s.pending.nextDeadline()
	early := near != 0 && near < s.nextWake
	s.mu.Unlock()
	if err != nil {
		s.fail(fmt.Errorf("smpp: write: %w", err))
		return false
	}
	if early {
		signal(s.recheck)
	}
	signal(s.room)
	return true
}

// finish lets the peer read our last words and close first: closing at once
// could destroy them on the way.
func (s *Session) finish(reason error) {
	if c, ok := s.conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
	}
	select {
	case <-s.ended:
	case <-time.After(linger):
		s.fail(reason)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (s *Session) wakeWriter() { signal(s.kick) }

// respond queues the answer to a request of the peer.
func (s *Session) respond(request Command, status Status, seq uint32, r Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queueAnswer(request, status, seq, r)
}

// respondLast queues our last word: a peer that closes when it has it does not
// change why the session ended.
func (s *Session) respondLast(request Command, status Status, seq uint32, reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queueAnswer(request, status, seq, Reply{})
	if s.hangup == nil {
		s.hangup = reason
	}
}

// queueAnswer wants Session.mu held.
func (s *Session) queueAnswer(request Command, status Status, seq uint32, r Reply) {
	start := len(s.out)
	var err error
	if s.out, err = AppendResponse(s.out, request, status, seq, r); err != nil {
		s.problem(fmt.Errorf("smpp: answer %v: %w", request, err))
		s.out = AppendHeader(s.out, request.Response(), ErrSysErr, seq)
	}
	s.answerQueued(start)
}

// answerQueued has an answer written that was appended to out since start. The
// reader pauses while a peer asks and does not take its answers. Session.mu is
// held.
func (s *Session) answerQueued(start int) {
	s.accountFor(start)
	s.full.Store(len(s.out) > maxBacklog)
	s.wakeWriter()
}

// ask queues a request without a body.
func (s *Session) ask(c Command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	start := len(s.out)
	s.out = AppendHeader(s.out, c, StatusOK, s.pending.nextSeq())
	s.accountFor(start)
	s.wakeWriter()
}
