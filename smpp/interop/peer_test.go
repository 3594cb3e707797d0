package interop_test

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wasl-sms/wasl/smpp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds one exchange with another program on a busy machine.
const patience = 45 * time.Second

// program starts another implementation, whose every line of output comes
// out of lines. It is ended with the test.
func program(t *testing.T, name string, args ...string) (lines <-chan string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is needed for this test; `make test` installs it: %v", name, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	cmd := exec.CommandContext(ctx, path, args...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := make(chan string, 64)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(c)
		for s := bufio.NewScanner(out); s.Scan(); {
			c <- s.Text()
		}
	})
	t.Cleanup(func() {
		cancel()
		reading.Wait()
		_ = cmd.Wait()
		if t.Failed() && complaints.Len() > 0 {
			all := complaints.Bytes()
			t.Logf("%s: %s", name, all[max(0, len(all)-2000):])
		}
	})
	return c
}

// expect reads the next line, which must be want.
func expect(t *testing.T, lines <-chan string, want string) {
	t.Helper()
	if got, ok := <-lines; !ok || got != want {
		t.Fatalf("the peer said %q, want %q", got, want)
	}
}

// expectAll reads as many lines as wanted, in any order.
func expectAll(t *testing.T, lines <-chan string, want ...string) {
	t.Helper()
	missing := make(map[string]bool, len(want))
	for _, w := range want {
		missing[w] = true
	}
	for range want {
		got, ok := <-lines
		if !ok || !missing[got] {
			t.Fatalf("the peer said %q, want one of %v", got, want)
		}
		delete(missing, got)
	}
}

// received is a handler that passes on what arrives.
type received chan smpp.ShortMessage

func (r received) Message(ctx context.Context, _ *smpp.Session, m smpp.ShortMessage) (smpp.Reply, error) {
	select {
	case r <- m:
		return smpp.Reply{MessageID: "W1"}, nil
	case <-ctx.Done():
		return smpp.Reply{}, ctx.Err()
	}
}

func (r received) next(t *testing.T) smpp.ShortMessage {
	t.Helper()
	select {
	case m := <-r:
		return m
	case <-time.After(patience):
		t.Fatal("no message came from the peer")
		return smpp.ShortMessage{}
	}
}

// serve runs a server of ours on loopback.
func serve(t *testing.T, h smpp.Handler) (port string, bound <-chan *smpp.Session) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, l, h)
}

func serveOn(t *testing.T, l net.Listener, h smpp.Handler) (port string, bound <-chan *smpp.Session) {
	t.Helper()
	sessions := make(chan *smpp.Session, 4)
	server := &smpp.Server{
		SystemID: "wasl",
		Auth: func(_ context.Context, r smpp.BindRequest) smpp.Status {
			if r.Password != "secret" {
				return smpp.ErrInvPaswd
			}
			return smpp.StatusOK
		},
		Handler: h,
		OnBind:  func(s *smpp.Session) { sessions <- s },
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port, sessions
}

// bind binds to a peer on loopback as a transceiver.
func bind(t *testing.T, port string, h smpp.Handler) *smpp.Session {
	t.Helper()
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	s, err := smpp.Bind(context.Background(), conn, smpp.BindRequest{
		SystemID: "wasl", Password: "secret", InterfaceVersion: 0x34,
	}, smpp.SessionConfig{}, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

// menu is a message with the parameters that matter for USSD.
func menu(command smpp.Command, text string) smpp.ShortMessage {
	m := smpp.ShortMessage{
		Command: command, ServiceType: "USSD",
		Source:  smpp.Address{TON: smpp.TONShortCode, Addr: "369"},
		Dest:    smpp.Address{TON: smpp.TONInternational, NPI: smpp.NPIISDN, Addr: "212600000001"},
		Payload: []byte(text),
	}
	m.TLVs.SetUint8(smpp.TagUSSDServiceOp, 2)
	m.TLVs.Set(smpp.TagITSSessionInfo, []byte{0x12, 0x02})
	m.TLVs.SetUint16(smpp.TagUserMessageReference, 0x1234)
	return m
}

func after(t *testing.T, line, prefix string) string {
	t.Helper()
	rest, ok := strings.CutPrefix(line, prefix)
	if !ok {
		t.Fatalf("the peer said %q, want %q…", line, prefix)
	}
	return rest
}
