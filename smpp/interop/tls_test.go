package interop_test

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

const serverName = "smsc.north.example"

func TestNodeAsSMSCOverTLS(t *testing.T) {
	a, stranger := smpptest.CertifyNow(t, "north", serverName), smpptest.CertifyNow(t, "nobody", serverName)
	cert, key := a.Write(t, t.TempDir(), "smsc")
	lines := program(t, "node", nodeScript(t, "smsc.js"), key, cert)
	addr := "127.0.0.1:" + strings.TrimSuffix(after(t, <-lines, `{"port":`), "}")

	for _, c := range []struct {
		name string
		cfg  *tls.Config
		want string
	}{
		{"wrong authority", &tls.Config{RootCAs: stranger.Pool, ServerName: serverName}, "from no authority that is trusted here"},
		{"wrong name", &tls.Config{RootCAs: a.Pool, ServerName: "smsc.south.example"}, `not for the name "smsc.south.example"`},
		{"name from the address", &tls.Config{RootCAs: a.Pool}, `not for the name "127.0.0.1"`},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		heard := make(chan error, 1)
		client := smpp.NewClient(smpp.ClientConfig{
			Addr: addr, TLS: c.cfg, SystemID: "wasl", Password: "secret",
			OnState: func(_ smpp.State, err error) {
				select {
				case heard <- err:
				default:
				}
				cancel()
			},
		}, nil)
		if err := client.Run(ctx); err != nil {
			t.Error(err)
		}
		if err := <-heard; err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), addr) {
			t.Errorf("%s: %v", c.name, err)
		}
	}

	ctx, cancel := context.WithCancel(context.Background())
	bound, ended := make(chan error, 4), make(chan error, 1)
	got := make(received)
	client := smpp.NewClient(smpp.ClientConfig{
		Addr: addr, TLS: &tls.Config{RootCAs: a.Pool, ServerName: serverName, MinVersion: tls.VersionTLS12},
		SystemID: "wasl", Password: "secret",
		OnState: func(_ smpp.State, err error) { bound <- err },
	}, got)
	go func() { ended <- client.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	if err := <-bound; err != nil {
		t.Fatal(err)
	}
	expect(t, lines, `{"bind":"wasl","password":"secret","version":52}`)
	r, err := client.Submit(context.Background(), menu(smpp.SubmitSM, "1 Permis"))
	if err != nil || r.MessageID != "A1" {
		t.Fatalf("got %+v, %v", r, err)
	}
	got.next(t)
	got.next(t)
}

func TestNodeAsESMEOverTLS(t *testing.T) {
	a, stranger := smpptest.CertifyNow(t, "north", serverName), smpptest.CertifyNow(t, "nobody", serverName)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(received)
	port, bound := serveOn(t, tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{a.Pair}, MinVersion: tls.VersionTLS12}), got)

	dir := t.TempDir()
	ca := a.WriteCA(t, dir, "north.pem")
	lines := program(t, "node", nodeScript(t, "esme.js"), port, stranger.WriteCA(t, dir, "nobody.pem"), serverName)
	expect(t, lines, `{"error":"UNABLE_TO_VERIFY_LEAF_SIGNATURE"}`)
	lines = program(t, "node", nodeScript(t, "esme.js"), port, ca, "smsc.south.example")
	expect(t, lines, `{"error":"ERR_TLS_CERT_ALTNAME_INVALID"}`)

	lines = program(t, "node", nodeScript(t, "esme.js"), port, ca, serverName)
	expect(t, lines, `{"bind":0,"system_id":"wasl","version":52}`)
	s := <-bound
	got.next(t)
	expectAll(t, lines, `{"enquire":0}`, `{"submit":0,"id":"W1"}`)
	if _, err := s.Submit(context.Background(), menu(smpp.DeliverSM, "x")); err != nil {
		t.Errorf("deliver: %v", err)
	}
	expectAll(t, lines, `{"deliver":"x","esm":0}`, `{"unbind":0}`)
	<-s.Done()
}
