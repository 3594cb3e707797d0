package smpptest

import (
	"net"
	"sync"
	"time"
)

// Faulty is a connection that fails on request.
type Faulty struct {
	net.Conn

	mu     sync.Mutex
	delay  time.Duration
	left   int // octets to write before the cut; -1 for no cut
	frozen bool
}

// NewFaulty wraps a connection that works until told otherwise.
func NewFaulty(c net.Conn) *Faulty { return &Faulty{Conn: c, left: -1} }

// Delay holds back what is read from now on.
func (f *Faulty) Delay(d time.Duration) {
	f.mu.Lock()
	f.delay = d
	f.mu.Unlock()
}

// CutAfter closes the connection once n more octets are written.
func (f *Faulty) CutAfter(n int) {
	f.mu.Lock()
	f.left = n
	f.mu.Unlock()
}

// Freeze makes the link half open: what is written vanishes, and nothing
// arrives any more.
func (f *Faulty) Freeze() {
	f.mu.Lock()
	f.frozen = true
	f.mu.Unlock()
}

// Read reads late, or never when frozen.
func (f *Faulty) Read(p []byte) (int, error) {
	for {
		n, err := f.Conn.Read(p)
		f.mu.Lock()
		delay, frozen := f.delay, f.frozen
		f.mu.Unlock()
		if err != nil {
			return 0, err
		}
		if frozen {
			continue
		}
		if delay > 0 {
			time.Sleep(delay)
		}
		return n, nil
	}
}

// Write writes what the faults allow.
func (f *Faulty) Write(p []byte) (int, error) {
	f.mu.Lock()
	frozen, left := f.frozen, f.left
	if left >= 0 {
		f.left = max(0, left-len(p))
	}
	f.mu.Unlock()
	if frozen {
		return len(p), nil
	}
	if left < 0 || len(p) < left {
		return f.Conn.Write(p)
	}
	n, err := f.Conn.Write(p[:left])
	if err == nil {
		_ = f.Close()
		err = net.ErrClosed
	}
	return n, err
}
