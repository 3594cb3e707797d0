package smpp

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// maxBacklog is how much may wait to be written before we read no further.
const maxBacklog = 1 << 20

// Session is one link, from its bind to its end. Its methods may be called
// from any goroutine.
type Session struct {
	conn    net.Conn
	cfg     SessionConfig
	side    side
	handler Handler
	hooks   serverHooks // on the SMSC side
	frames  FrameTracer // nil unless the Tracer is one

	ctx    context.Context
	cancel context.CancelFunc

	slots   chan struct{} // the window
	closing chan struct{} // no new requests
	ended   chan struct{} // the link is gone
	done    chan struct{} // and every request is settled
	unbound chan struct{} // unbind_resp arrived
	bound   chan outcome  // the answer to our bind

	kick    chan struct{} // something to write
	room    chan struct{} // the backlog has shrunk
	recheck chan struct{} // a deadline is nearer than the keeper knows
	results chan struct{} // callbacks to run

	work    work
	tasks   chan *messageTask // to be used again
	decoder *decoder          // of the reader

	loops   sync.WaitGroup // what run waits for
	started time.Time
	lastIn  atomic.Int64 // clock when the peer was last heard
	heard   atomic.Int64 // how often it was
	lastMsg atomic.Int64 // clock at the last message either way
	full    atomic.Bool  // more than maxBacklog waits to be written

	mu       sync.Mutex
	stopping bool // closing or ended
	lost     bool // the link ended with requests unanswered
	state    State
	mode     Mode
	peer     string
	version  uint8  // of SMPP, as the peer says
	bindSeq  uint32 // of our bind; 0 once it is answered
	asked    bool   // the peer has asked to bind
	err      error
	pending  pending
	finished []*request    // whose callbacks are to be run; they still hold their slots
	out      []byte        // to be written next
	queued   uint64        // octets ever put into out
	written  uint64        // octets ever written
	hangup   error         // end with this once out is written
	nextWake time.Duration // clock at which the keeper looks next
}

func newSession(ctx context.Context, conn net.Conn, side side, cfg SessionConfig, h Handler) *Session {
	cfg = cfg.withDefaults(side)
	s := &Session{
		conn: conn, cfg: cfg, side: side, handler: h, state: StateOpen, started: time.Now(),
		slots:   make(chan struct{}, cfg.Window),
		closing: make(chan struct{}),
		ended:   make(chan struct{}),
		done:    make(chan struct{}),
		unbound: make(chan struct{}),
		bound:   make(chan outcome, 1),
		kick:    make(chan struct{}, 1),
		room:    make(chan struct{}, 1),
		recheck: make(chan struct{}, 1),
		results: make(chan struct{}, 1),
		pending: newPending(cfg.Window),
		tasks:   make(chan *messageTask, cfg.HandlerConcurrency+cfg.HandlerQueue),
		decoder: forMany(),
	}
	s.frames, _ = cfg.Tracer.(FrameTracer)
	s.work.init(cfg.HandlerConcurrency, cfg.HandlerQueue)
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return s
}

// run serves the link until it ends, then settles every request. The
// handlers may outlive it: work.wait waits for them.
func (s *Session) run() {
	var callbacks sync.WaitGroup
	s.loops.Go(s.write)
	s.loops.Go(s.keep)
	callbacks.Go(s.complete)
	s.read()
	s.loops.Wait()
	s.settleAll()
	close(s.results)
	callbacks.Wait()
	close(s.done)
}

// Done is closed when the link is gone and every request has its outcome.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err says why the session ended; nil while it lives and after a graceful
// Close.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(s.err, ErrClosed) {
		return nil
	}
	return s.err
}

// State is the session's present state.
func (s *Session) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// Mode is the kind of bind.
func (s *Session) Mode() Mode {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mode
}

// PeerSystemID is the system_id that the peer gave in the bind.
func (s *Session) PeerSystemID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peer
}

// PeerVersion is the version of SMPP that the peer gave in the bind (0x34 for
// 3.4), or 0 from an SMSC that gave none.
func (s *Session) PeerVersion() uint8 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

// IsSMSC reports whether this end of the link is the SMSC's.
func (s *Session) IsSMSC() bool { return s.side == sideSMSC }

// RemoteAddr is the peer's network address.
func (s *Session) RemoteAddr() net.Addr { return s.conn.RemoteAddr() }

// InFlight is the number of our messages that wait for an answer.
func (s *Session) InFlight() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending.count
}

// Window is the greatest InFlight.
func (s *Session) Window() int { return cap(s.slots) }

// clock is monotonic: the wall clock may jump.
func (s *Session) clock() time.Duration { return time.Since(s.started) }

// fail ends the session at once; the first reason stays.
func (s *Session) fail(err error) {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return
	}
	if s.hangup != nil {
		err = s.hangup
	}
	s.err = err
	s.state = StateClosed
	s.stopping = true
	s.mu.Unlock()
	s.cancel()
	close(s.ended)
	_ = s.conn.Close()
}

// stopTaking refuses new requests of ours from now on. It reports whether
// this call was the first.
func (s *Session) stopTaking() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closing:
		return false
	default:
		s.stopping = true
		close(s.closing)
		return true
	}
}

// isClosing reports whether new requests are refused.
func (s *Session) isClosing() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// trace is called where there is a Tracer.
func (s *Session) trace(dir Direction, h Header, body []byte) {
	s.cfg.Tracer.PDU(s, dir, h)
	if s.frames != nil {
		s.frames.Frame(s, dir, h, body)
	}
}

func (s *Session) problem(err error) {
	if s.cfg.Tracer != nil {
		s.cfg.Tracer.Problem(s, err)
	}
}
