package smpptest

import (
	"context"
	"net"
	"sync"
	"testing"
)

// Wire is a network in memory with one listener, so that time can be the
// test's own: what Dial connects, Accept takes.
type Wire struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewWire makes a network on which nobody has called yet.
func NewWire() *Wire { return &Wire{conns: make(chan net.Conn), closed: make(chan struct{})} }

// Accept implements net.Listener.
func (w *Wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (w *Wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

// Addr implements net.Listener.
func (w *Wire) Addr() net.Addr { return &net.TCPAddr{} }

// Listen gives the listener, whatever the address.
func (w *Wire) Listen(context.Context, string, string) (net.Listener, error) { return w, nil }

// Dial connects to whoever accepts, whatever the address, and waits for that.
func (w *Wire) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case w.conns <- far:
		return near, nil
	case <-w.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Call is a script that has connected.
func (w *Wire) Call(t testing.TB) *Peer {
	t.Helper()
	c, err := w.Dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	return NewPeer(t, c)
}

// Answer is a script to which somebody has connected.
func (w *Wire) Answer(t testing.TB) *Peer {
	t.Helper()
	c, err := w.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return NewPeer(t, c)
}
