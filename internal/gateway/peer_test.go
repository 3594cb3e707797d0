package gateway_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
	"github.com/wasl-sms/wasl/ussd"
)

// peer is an operator's message centre on loopback. What it does with a
// submit_sm is set by the test.
type peer struct {
	addr   string
	stop   func()
	server *smpp.Server
	cfg    smpp.SessionConfig
	mu     sync.Mutex
	links  []*smpp.Session
	conns  []net.Conn
	got    []smpp.ShortMessage
	via    []string       // system_id of the bind that each came by
	seen   []smpp.Command // in the order of the wire
	answer func(n int, m smpp.ShortMessage) (smpp.Reply, error)
	admit  func()                    // before a bind is answered
	frame  func(smpp.Header, []byte) // set before a bind comes
}

func (p *peer) Message(ctx context.Context, s *smpp.Session, m smpp.ShortMessage) (smpp.Reply, error) {
	p.mu.Lock()
	p.got, p.via = append(p.got, m), append(p.via, s.PeerSystemID())
	n, answer := len(p.got), p.answer
	p.mu.Unlock()
	if answer != nil {
		return answer(n, m)
	}
	return smpp.Reply{MessageID: fmt.Sprintf("%08X", n)}, nil
}

func (p *peer) PDU(_ *smpp.Session, d smpp.Direction, h smpp.Header) {
	if d == smpp.In {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.seen = append(p.seen, h.Command)
	}
}

func (p *peer) Problem(*smpp.Session, error) {}

// Frame hands the octets that come in to whom the test has set.
func (p *peer) Frame(_ *smpp.Session, d smpp.Direction, h smpp.Header, body []byte) {
	if d == smpp.In && p.frame != nil {
		p.frame(h, body)
	}
}

// listen serves binds until the test ends.
func (p *peer) listen(t testing.TB) {
	t.Helper()
	addr := p.addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	p.addr = l.Addr().String()
	p.cfg.Tracer = p
	p.server = &smpp.Server{
		SystemID: "peer", Handler: p, Session: p.cfg,
		Auth: func(_ context.Context, r smpp.BindRequest) smpp.Status {
			p.mu.Lock()
			admit := p.admit
			p.mu.Unlock()
			if admit != nil {
				admit()
			}
			if r.Password != "secret" {
				return smpp.ErrInvPaswd
			}
			return smpp.StatusOK
		},
		OnBind: func(s *smpp.Session) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.links = append(p.links, s)
		},
	}
	p.stop = runtest.Start(t, func(ctx context.Context) error { return p.server.Serve(ctx, tap{l, p}) })
}

func (p *peer) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.got)
}

func (p *peer) submitted() []smpp.ShortMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]smpp.ShortMessage(nil), p.got...)
}

func (p *peer) newest(t testing.TB) *smpp.Session {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.links) == 0 {
		t.Fatal("nobody is bound")
	}
	return p.links[len(p.links)-1]
}

func (p *peer) newestIsBound() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links) > 0 && p.links[len(p.links)-1].State().Bound()
}

// deliver sends m on the newest session and gives the answer's status.
func (p *peer) deliver(t testing.TB, m smpp.ShortMessage) smpp.Status {
	t.Helper()
	m.Command = smpp.DeliverSM
	r, err := p.newest(t).Submit(t.Context(), m)
	if err != nil && r.Status == smpp.StatusOK {
		t.Fatalf("deliver_sm: %v", err)
	}
	return r.Status
}

// says is a text from a handset.
func says(n int, body string) smpp.ShortMessage {
	payload, a := gsm.Encode(body)
	return smpp.ShortMessage{
		Source: smpp.Address{TON: 1, NPI: 1, Addr: strings.TrimPrefix(number(n).Raw(), "+")},
		Dest:   smpp.Address{TON: 3, Addr: "3690"}, DataCoding: a.DataCoding(), Payload: payload,
	}
}

// keyed is a USSD message from a handset.
func keyed(n int, op ussd.Op, body string) smpp.ShortMessage {
	m := says(n, body)
	m.ServiceType = "USSD"
	m.Dest.Addr = "*369#"
	m.TLVs.SetUint8(smpp.TagUSSDServiceOp, byte(op))
	m.TLVs.Set(smpp.TagITSSessionInfo, []byte{0x21, 0})
	return m
}

// receiptFor is a receipt as most operators write it.
func receiptFor(m smpp.ShortMessage, id, state string) smpp.ShortMessage {
	return smpp.ShortMessage{
		Source: m.Dest, Dest: m.Source, ESMClass: smpp.ESMClassReceipt,
		Payload: []byte("id:" + id + " sub:001 dlvrd:001 submit date:2611200900 done date:2611200901 stat:" + state + " err:000 text:"),
	}
}

func number(n int) private.Msisdn { return private.StoredMsisdn(fmt.Sprintf("+2126%08d", 12000000+n)) }

// hang leaves the first n submits unanswered until the test ends; eight fill
// the lane's part of a window of ten.
func hang(t testing.TB, n int) func(int, smpp.ShortMessage) (smpp.Reply, error) {
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	return func(i int, _ smpp.ShortMessage) (smpp.Reply, error) {
		if i <= n {
			<-end
		}
		return smpp.Reply{MessageID: fmt.Sprintf("%X", i)}, nil
	}
}

// cut breaks every link without a word.
func (p *peer) cut() {
	p.mu.Lock()
	conns := p.conns
	p.conns = nil
	p.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
}

// tap keeps the connections, so that they can be cut and spoken on.
type tap struct {
	net.Listener
	p *peer
}

func (l tap) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.p.mu.Lock()
		defer l.p.mu.Unlock()
		l.p.conns = append(l.p.conns, c)
	}
	return c, err
}

// enquire sends an enquire_link and waits until its answer is seen.
func enquire(t testing.TB, f *fixture) {
	t.Helper()
	f.mu.Lock()
	c := f.conns[0]
	f.mu.Unlock()
	pdu := smpp.AppendHeader(nil, smpp.EnquireLink, smpp.StatusOK, 0x7000_0000)
	pdu[3] = byte(len(pdu))
	if _, err := c.Write(pdu); err != nil {
		t.Fatal(err)
	}
	runtest.Eventually(t, "enquire_link is answered", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.Contains(f.seen, smpp.EnquireLinkResp)
	})
}
