package smsc

import (
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/wasl-sms/wasl/smpp"
)

// tap sits between a session and its connection, where an operator's faults
// happen: answers that get lost or spoilt, links that break or stall, PDUs
// that come again.
type tap struct {
	net.Conn
	smsc *SMSC

	// Guarded by SMSC.mu, once bound.
	bind    *bind
	account string
	place   int

	mu     sync.Mutex // one PDU after the other, the session's and our own
	marks  map[uint32]mark
	early  bool // enquire_link goes before the bind's answer
	ownSeq uint32

	reading sync.Mutex // one reader, the session and then nobody

	behaving sync.Mutex
	manner   manner
	dead     bool          // has been half open: its stream has a hole
	changed  chan struct{} // closed and replaced when manner changes

	closed chan struct{}
	once   sync.Once
}

// manner is how a link carries on.
type manner struct {
	halfOpen, stopped bool
	rate              int // octets a second; 0: no limit
}

// tapAddr carries the tap in the remote address, so that a session leads to it.
type tapAddr struct {
	net.Addr
	tap *tap
}

type tapListener struct {
	net.Listener
	smsc *SMSC
}

func (l tapListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.smsc.newTap(c), nil
}

func (s *SMSC) newTap(c net.Conn) *tap {
	t := &tap{
		Conn: c, smsc: s, marks: make(map[uint32]mark), ownSeq: firstOwnSeq,
		changed: make(chan struct{}), closed: make(chan struct{}),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taps[t] = struct{}{}
	t.behave(s.towards("", 0).faults)
	return t
}

// firstOwnSeq begins the numbers of requests that go past the session, far
// from those it gives.
const firstOwnSeq = 0x70000000

func tapOf(b *smpp.Session) *tap {
	t, _ := b.RemoteAddr().(tapAddr)
	return t.tap
}

func (t *tap) RemoteAddr() net.Addr { return tapAddr{t.Conn.RemoteAddr(), t} }

func (t *tap) scope() string { return t.account + "/" + strconv.Itoa(t.place) }

// behave takes on how the link is to carry on.
func (t *tap) behave(f Faults) {
	t.behaving.Lock()
	defer t.behaving.Unlock()
	now := manner{f.HalfOpen, f.StopReading, f.ReadRate}
	if t.manner == now {
		return
	}
	// A stream with a hole in it is of no use any more.
	if t.dead && !f.HalfOpen {
		_ = t.Conn.Close()
	}
	t.manner = now
	select {
	case <-t.closed:
	default:
		_ = t.Conn.SetReadDeadline(time.Time{})
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

// now is the manner, and a channel that is closed when it changes.
func (t *tap) now() (manner, <-chan struct{}) {
	t.behaving.Lock()
	defer t.behaving.Unlock()
	return t.manner, t.changed
}

// swallows reports whether what passes now is gone; from then on all is.
func (t *tap) swallows() bool {
	t.behaving.Lock()
	defer t.behaving.Unlock()
	t.dead = t.dead || t.manner.halfOpen
	return t.dead
}

// Read hands on what came, when the faults allow; what comes to a half-open
// link is gone.
func (t *tap) Read(p []byte) (int, error) {
	for {
		if m, _ := t.now(); m.rate > 0 && len(p) > m.rate {
			p = p[:m.rate]
		}
		n, err := t.read(p)
		if err != nil {
			return n, err
		}
		if !t.hold(n) {
			return 0, net.ErrClosed
		}
		if !t.swallows() {
			return n, nil
		}
	}
}

func (t *tap) read(p []byte) (int, error) {
	t.reading.Lock()
	defer t.reading.Unlock()
	select {
	case <-t.closed:
		return 0, net.ErrClosed
	default:
		return t.Conn.Read(p)
	}
}

// hold keeps n octets back while nothing is to be read, or for as long as a
// slow reader takes. It is false once the link is closed.
func (t *tap) hold(n int) bool {
	for {
		m, changed := t.now()
		var after <-chan time.Time
		switch {
		case m.stopped:
		case m.rate > 0:
			timer := time.NewTimer(time.Duration(n) * time.Second / time.Duration(m.rate))
			defer timer.Stop()
			after = timer.C
		default:
			return true
		}
		select {
		case <-after:
			return true
		case <-changed:
		case <-t.closed:
			return false
		}
	}
}

// SetReadDeadline leaves a slow reader its time.
func (t *tap) SetReadDeadline(at time.Time) error {
	if m, _ := t.now(); m.stopped || m.rate > 0 {
		at = time.Time{}
	}
	return t.Conn.SetReadDeadline(at)
}

// Write passes on what the session writes, which is always whole PDUs.
func (t *tap) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := b
	if len(t.marks) > 0 || t.early {
		out = t.spoil(b)
	}
	if err := t.put(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

// put writes unless the link is half open; t.mu is held.
func (t *tap) put(b []byte) error {
	if len(b) == 0 || t.swallows() {
		return nil
	}
	_, err := t.Conn.Write(b)
	return err
}

// CloseWrite lets a session that ends in order close its half first.
func (t *tap) CloseWrite() error {
	if m, _ := t.now(); m.halfOpen {
		return nil
	}
	if c, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

// Close ends the link; the far side of a half-open one does not hear of it
// before the fault ends.
func (t *tap) Close() error {
	t.once.Do(func() { close(t.closed) })
	m, changed := t.now()
	t.smsc.mu.Lock()
	linger := m.halfOpen && !t.smsc.closed
	if linger { // and stays known, to hear when it behaves again
		t.smsc.wg.Go(func() { t.deaf(changed) })
	} else {
		delete(t.smsc.taps, t)
	}
	t.smsc.mu.Unlock()
	if linger {
		return nil
	}
	return t.Conn.Close()
}

// deaf keeps the connection until the peer gives it up or the fault ends.
func (t *tap) deaf(changed <-chan struct{}) {
	_ = t.Conn.SetReadDeadline(time.Unix(1, 0)) // the session's reader leaves
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		t.reading.Lock()
		defer t.reading.Unlock()
		_ = t.Conn.SetReadDeadline(time.Time{})
		_, _ = io.Copy(io.Discard, t.Conn)
	}()
	select {
	case <-gone:
	case <-changed:
	case <-t.smsc.ctx.Done():
	}
	_ = t.Conn.Close()
	<-gone
	t.smsc.mu.Lock()
	delete(t.smsc.taps, t)
	t.smsc.mu.Unlock()
}

// cut breaks the link without a word.
func (t *tap) cut() { _ = t.Conn.Close() }

// greet remembers whose bind is being answered, and how.
func (t *tap) greet(account string, early bool) {
	t.smsc.mu.Lock()
	t.account = account
	t.behave(t.smsc.towards(account, 0).faults)
	t.smsc.mu.Unlock()
	t.mu.Lock()
	t.early = early
	t.mu.Unlock()
}

// next is a number for a request of our own; t.mu is held.
func (t *tap) next() uint32 {
	t.ownSeq++
	return t.ownSeq
}

// say writes a request past the session; build gets its number.
func (t *tap) say(build func(seq uint32) ([]byte, error)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, err := build(t.next())
	if err != nil {
		return err
	}
	return t.put(b)
}

// again writes a PDU past the session, under a sequence number that was used.
func (t *tap) again(seq uint32, m smpp.ShortMessage) error {
	return t.say(func(uint32) ([]byte, error) { return smpp.AppendMessage(nil, seq, &m) })
}
