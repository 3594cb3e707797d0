// Package smsctest runs the operator stand-in inside a test: over real TCP,
// ended with the test, its handsets in the shape transcripts are played on.
package smsctest

import (
	"context"
	"net"
	"testing"

	"github.com/wasl-sms/wasl/internal/dialog/dialogtest"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/internal/smsc"
)

// SystemID and Password are the account that Start adds.
const (
	SystemID = "wasl"
	Password = "secret"
)

// Start runs an operator until the test ends and returns it with the address
// to bind to.
func Start(t testing.TB, cfg smsc.Config) (*smsc.SMSC, string) {
	t.Helper()
	if cfg.Accounts == nil {
		cfg.Accounts = map[string]string{SystemID: Password}
	}
	s, err := smsc.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	Serve(t, s, ln)
	return s, ln.Addr().String()
}

// Serve has an operator take binds on ln until the test ends; then it behaves,
// so that no fault holds up the end, and is closed.
func Serve(t testing.TB, s *smsc.SMSC, ln net.Listener) {
	t.Helper()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	runtest.Start(t, func(ctx context.Context) error { return s.Serve(ctx, ln) })
	t.Cleanup(s.Behave)
}

// Phone is one handset of the operator, made where there was none yet. Texts go
// to the short code.
func Phone(s *smsc.SMSC, number, shortCode string) dialogtest.Phone {
	s.AddSIM(number)
	return &phone{smsc: s, number: number, shortCode: shortCode, seen: len(s.Inbox(number))}
}

type phone struct {
	smsc              *smsc.SMSC
	number, shortCode string
	seen              int
}

func (p *phone) Dial(ctx context.Context, code string) (dialogtest.Screen, error) {
	// Who dials in the middle of a dialogue has lost it: the harder case for an
	// application, because nobody tells it.
	p.smsc.Drop(p.number)
	s, err := p.smsc.Dial(ctx, p.number, code)
	return dialogtest.Screen(s), err
}

func (p *phone) Answer(ctx context.Context, input string) (dialogtest.Screen, error) {
	s, err := p.smsc.Answer(ctx, p.number, input)
	return dialogtest.Screen(s), err
}

func (p *phone) Text(ctx context.Context, body string) error {
	return p.smsc.SendSMS(ctx, p.number, p.shortCode, body)
}

func (p *phone) Inbox(ctx context.Context, n int) ([]string, error) {
	if n > 0 {
		// What has come by the end of ctx is the answer, however few.
		_, _ = p.smsc.WaitSMS(ctx, p.number, func(m smsc.SMS) bool { return m.ID >= p.seen+n })
	}
	var texts []string
	for _, m := range p.smsc.Inbox(p.number) {
		if m.ID > p.seen {
			texts = append(texts, m.Text)
			p.seen = m.ID
		}
	}
	return texts, nil
}
