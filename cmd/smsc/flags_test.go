package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

// started runs the command until the test ends, and gives where it listens.
func started(t *testing.T, args ...string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	_ = l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, parse(t, append(args, "--listen="+address, "--http=127.0.0.1:0")...)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return address
}

// dialled connects as soon as somebody listens.
func dialled(t *testing.T, address string) net.Conn {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		c, err := net.Dial("tcp", address)
		if err == nil {
			return c
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func bound(t *testing.T, c net.Conn) (*smpp.Session, error) {
	t.Helper()
	login := smpp.BindRequest{SystemID: "wasl", Password: "wasl", InterfaceVersion: 0x34}
	return smpp.Bind(t.Context(), c, login, smpp.SessionConfig{}, nil)
}

func submitted(t *testing.T, s *smpp.Session) error {
	t.Helper()
	_, err := s.Submit(t.Context(), smpp.ShortMessage{Command: smpp.SubmitSM, Dest: smpp.Address{Addr: "212600000001"}, Payload: []byte("x")})
	return errors.Join(s.Close(context.Background()), err)
}

func TestFaultsAndScriptFromTheStart(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) }) // once all else has ended
	script := filepath.Join(t.TempDir(), "evening.faults")
	if err := os.WriteFile(script, []byte("status=0x45:all no-receipts\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bound(t, dialled(t, started(t, "--faults=bind-status=0x0D:all"))); !errors.Is(err, smpp.ErrBindFail) {
		t.Errorf("--faults: bound with %v", err)
	}
	s, err := bound(t, dialled(t, started(t, "--script="+script)))
	if err != nil {
		t.Fatal(err)
	}
	if err := submitted(t, s); !errors.Is(err, smpp.ErrSubmitFail) {
		t.Errorf("--script: submitted with %v", err)
	}
	for _, wrong := range []string{"--faults=loose", "--script=" + script} {
		if err := os.WriteFile(script, []byte("at noon cut\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := run(t.Context(), parse(t, wrong, "--listen=127.0.0.1:0", "--http=127.0.0.1:0")); err == nil || !strings.Contains(err.Error(), wrong[:8]) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

func TestBindsOverTLS(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) }) // once all else has ended
	c := smpptest.CertifyNow(t, "north", "smsc.example")
	cert, key := c.Write(t, t.TempDir(), "smsc")
	address := started(t, "--tls-cert="+cert, "--tls-key="+key)
	s, err := bound(t, tls.Client(dialled(t, address), &tls.Config{RootCAs: c.Pool, ServerName: "smsc.example"}))
	if err != nil {
		t.Fatal(err)
	}
	if err := submitted(t, s); err != nil {
		t.Error(err)
	}
}
