package smsc_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/wasl-sms/wasl/internal/smsc"
	"github.com/wasl-sms/wasl/internal/smsc/smsctest"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

// wire is a network in memory, so that time can be the test's own.
type wire struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *wire) Close() error   { w.once.Do(func() { close(w.closed) }); return nil }
func (w *wire) Addr() net.Addr { return &net.TCPAddr{} }

func (w *wire) dial(ctx context.Context, _, _ string) (net.Conn, error) {
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

// inTime runs f with an operator on a network and a clock of its own.
func inTime(t *testing.T, faults string, f func(*testing.T, *smsc.SMSC, *wire)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := smsc.New(smsc.Config{
			Accounts: map[string]string{smsctest.SystemID: smsctest.Password, "esme": "secret"}, SIMs: []string{sim},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.SetFaults(parsed(t, faults))
		w := &wire{conns: make(chan net.Conn), closed: make(chan struct{})}
		smsctest.Serve(t, s, w)
		f(t, s, w)
	})
}

func parsed(t *testing.T, faults string) smsc.Faults {
	t.Helper()
	f, err := smsc.ParseFaults(faults)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// script is a peer of octets, connected and not yet bound.
func (w *wire) script(t *testing.T) *smpptest.Peer {
	t.Helper()
	c, err := w.dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	return smpptest.NewPeer(t, c)
}

func one(body string) smpp.ShortMessage { return sms(sim, body)[0] }
