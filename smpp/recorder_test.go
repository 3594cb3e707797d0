package smpp_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wasl-sms/wasl/smpp"
)

var ctx = context.Background()

// bubble runs a test on fake time.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

// recorder is a handler that keeps what it was told, after waiting for delay.
type recorder struct {
	delay time.Duration
	err   error

	mu       sync.Mutex
	messages []smpp.ShortMessage
	late     []smpp.LateResponse
	alerts   []smpp.Alert
}

func (r *recorder) Message(ctx context.Context, _ *smpp.Session, m smpp.ShortMessage) (smpp.Reply, error) {
	if r.delay > 0 {
		select {
		case <-time.After(r.delay):
		case <-ctx.Done():
			return smpp.Reply{}, ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = append(r.messages, m)
	return smpp.Reply{MessageID: "1"}, r.err
}

func (r *recorder) LateResponse(_ context.Context, _ *smpp.Session, l smpp.LateResponse) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.late = append(r.late, l)
}

func (r *recorder) Alert(_ context.Context, _ *smpp.Session, a smpp.Alert) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alerts = append(r.alerts, a)
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.messages)
}

var (
	_ smpp.Handler       = (*recorder)(nil)
	_ smpp.LateResponder = (*recorder)(nil)
	_ smpp.AlertHandler  = (*recorder)(nil)
)

// problems is a tracer that keeps what a session survived.
type problems struct {
	mu   sync.Mutex
	errs []error
	pdus int
}

func (p *problems) PDU(*smpp.Session, smpp.Direction, smpp.Header) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pdus++
}

func (p *problems) Problem(_ *smpp.Session, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.errs = append(p.errs, err)
}

// answer is what became of one message.
type answer struct {
	result smpp.SubmitResult
	err    error
}

// submit sends m from another goroutine.
func submit(ctx context.Context, s *smpp.Session, m smpp.ShortMessage) <-chan answer {
	c := make(chan answer, 1)
	go func() {
		r, err := s.Submit(ctx, m)
		c <- answer{r, err}
	}()
	return c
}

func mo(s string) smpp.ShortMessage {
	m := text(s)
	m.Command = smpp.DeliverSM
	m.Source, m.Dest = m.Dest, m.Source
	return m
}
