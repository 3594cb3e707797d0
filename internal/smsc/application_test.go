package smsc_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/smsc"
	"github.com/wasl-sms/wasl/internal/smsc/smsctest"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
	"github.com/wasl-sms/wasl/ussd"
)

const sim = "+212600000001"

// application is the service's side of the link: an ESME over real TCP that
// keeps what it gets and does what the test tells it.
type application struct {
	*smpp.Client
	got      chan smpp.ShortMessage
	reply    func(smpp.ShortMessage) error
	trace    smpp.Tracer
	dial     func(ctx context.Context, network, addr string) (net.Conn, error) // TCP, unless set
	limit    smpp.SessionConfig
	mode     smpp.Mode
	lost     []error       // why links ended
	up, down chan struct{} // each time the link comes and goes, after the first
}

func (a *application) Message(_ context.Context, _ *smpp.Session, m smpp.ShortMessage) (smpp.Reply, error) {
	a.got <- m
	if a.reply != nil {
		return smpp.Reply{}, a.reply(m)
	}
	return smpp.Reply{}, nil
}

// next is the message that comes next.
func (a *application) next(t *testing.T) smpp.ShortMessage {
	t.Helper()
	select {
	case m := <-a.got:
		return m
	case <-time.After(10 * time.Second):
		t.Fatal("no message came")
		return smpp.ShortMessage{}
	}
}

// soon ends what would hang.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// start runs an operator with one SIM.
func start(t *testing.T, cfg smsc.Config) (*smsc.SMSC, string) {
	t.Helper()
	if cfg.SIMs == nil {
		cfg.SIMs = []string{sim}
	}
	return smsctest.Start(t, cfg)
}

func bind(t *testing.T, addr string, a *application) *application {
	t.Helper()
	a.got = make(chan smpp.ShortMessage, 100)
	a.up, a.down = make(chan struct{}, 100), make(chan struct{}, 100)
	a.limit.Tracer = a.trace
	a.Client = smpp.NewClient(smpp.ClientConfig{
		Addr: addr, Mode: a.mode, Dial: a.dial, SystemID: smsctest.SystemID, Password: smsctest.Password,
		BackoffMin: 10 * time.Millisecond, BackoffMax: 50 * time.Millisecond,
		Session: a.limit,
		OnState: func(st smpp.State, err error) {
			if st.Bound() {
				a.up <- struct{}{}
			} else {
				a.lost = append(a.lost, err)
				a.down <- struct{}{}
			}
		},
	}, a)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = a.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	select {
	case <-a.up:
	case <-time.After(10 * time.Second):
		t.Fatal("not bound")
	}
	return a
}

// page makes the submit_sm that answers a deliver_sm of a dialogue.
func page(to smpp.ShortMessage, op ussd.Op, text string) smpp.ShortMessage {
	info, _ := to.TLVs.Get(smpp.TagITSSessionInfo)
	payload, alphabet := gsm.Encode(text)
	m := smpp.ShortMessage{
		Command: smpp.SubmitSM, ServiceType: "USSD", Source: to.Dest, Dest: to.Source,
		DataCoding: alphabet.DataCoding(), Payload: payload,
	}
	m.TLVs.SetUint8(smpp.TagUSSDServiceOp, byte(op))
	m.TLVs.Set(smpp.TagITSSessionInfo, info)
	return m
}

func text(t *testing.T, m smpp.ShortMessage) string {
	t.Helper()
	_, payload, err := m.SplitUDH()
	if err != nil {
		t.Fatal(err)
	}
	s, err := gsm.Decode(m.DataCoding, payload)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func op(m smpp.ShortMessage) ussd.Op {
	v, _ := m.TLVs.Uint(smpp.TagUSSDServiceOp)
	return ussd.Op(v)
}

func sms(to, body string) []smpp.ShortMessage {
	parts, alphabet := gsm.Split(body, gsm.Options{Ref: 7})
	var out []smpp.ShortMessage
	for _, p := range parts {
		m := smpp.ShortMessage{
			Command: smpp.SubmitSM, Source: smpp.Address{Addr: "3690"}, Dest: smpp.Address{TON: 1, NPI: 1, Addr: to},
			DataCoding: alphabet.DataCoding(), Payload: append(p.UDH, p.Payload...), RegisteredDelivery: smpp.RegisteredFinal,
		}
		if len(p.UDH) > 0 {
			m.ESMClass = smpp.ESMClassUDHI
		}
		out = append(out, m)
	}
	return out
}
