package interop_test

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/wasl-sms/wasl/smpp"
)

// called runs a client that waits for the outbind of another implementation,
// until stop.
func called(t *testing.T, systemID string, h smpp.Handler) (port string, stop func()) {
	t.Helper()
	ports := make(chan string, 1)
	client := smpp.NewClient(smpp.ClientConfig{
		Mode: smpp.Receiver, SystemID: "wasl", Password: "ours",
		Outbind: &smpp.OutbindConfig{
			SystemID: systemID, Password: "theirs",
			Listen: func(ctx context.Context, network, _ string) (net.Listener, error) {
				l, err := (&net.ListenConfig{}).Listen(ctx, network, "127.0.0.1:0")
				if err == nil {
					_, port, _ := net.SplitHostPort(l.Addr().String())
					ports <- port
				}
				return l, err
			},
			Refused: func(_ net.Addr, err error) { t.Errorf("outbind: %v", err) },
		},
	}, h)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- client.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return <-ports, stop
}

func TestNodeOutbinds(t *testing.T) {
	got := make(received)
	port, stop := called(t, "node", got)
	lines := program(t, "node", nodeScript(t, "outbind.js"), port)
	expect(t, lines, `{"bind":"wasl","password":"ours"}`)
	if m := got.next(t); string(m.Payload) != "SUIVI" {
		t.Errorf("got %q", m.Payload)
	}
	expect(t, lines, `{"answer":0}`)
	stop()
	expect(t, lines, `{"unbind":true}`)
}

func TestPerlOutbinds(t *testing.T) {
	got := make(received)
	port, stop := called(t, "perl", got)
	lines := program(t, "perl", "testdata/outbind.pl", port)
	expect(t, lines, "bind 0x00000001 wasl ours")
	if m := got.next(t); string(m.Payload) != "SUIVI" {
		t.Errorf("got %q", m.Payload)
	}
	expect(t, lines, "answer 0x80000005 0")
	stop()
	expect(t, lines, "unbind 0x00000006")
}
