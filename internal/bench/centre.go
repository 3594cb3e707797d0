package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
	"github.com/wasl-sms/wasl/ussd"
)

// Page is what a phone shows.
type Page struct {
	Text string
	End  bool
}

// Centre is a message centre that accepts everything at once and gives no
// receipts: what is measured is the program, not the operator.
type Centre struct {
	ln    net.Listener
	links chan *smpp.Session
	ids   atomic.Uint64
	taken atomic.Int64

	mu     sync.Mutex
	phones map[string]*Phone
	texts  map[string]chan time.Time // who waits for a text, by number
}

// Listen opens the centre's port.
func Listen(ctx context.Context) (*Centre, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	return &Centre{ln: ln, links: make(chan *smpp.Session, 1), phones: map[string]*Phone{}, texts: map[string]chan time.Time{}}, nil
}

// Addr is where to bind.
func (c *Centre) Addr() string { return c.ln.Addr().String() }

// Serve takes binds until ctx ends; window bounds what the centre has in
// flight itself.
func (c *Centre) Serve(ctx context.Context, window int) error {
	server := &smpp.Server{
		SystemID: "bench", Handler: smpp.HandlerFunc(c.take), Session: smpp.SessionConfig{Window: window},
		Auth: func(context.Context, smpp.BindRequest) smpp.Status { return smpp.StatusOK },
		OnBind: func(s *smpp.Session) {
			select {
			case c.links <- s:
			default:
			}
		},
	}
	return server.Serve(ctx, c.ln)
}

// Bound waits for the program's bind.
func (c *Centre) Bound(ctx context.Context) (*smpp.Session, error) {
	select {
	case s := <-c.links:
		return s, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("bench: no bind came: %w", ctx.Err())
	}
}

// Taken counts the texts accepted, pages of USSD aside.
func (c *Centre) Taken() int64 { return c.taken.Load() }

func (c *Centre) take(_ context.Context, _ *smpp.Session, m smpp.ShortMessage) (smpp.Reply, error) {
	reply := smpp.Reply{MessageID: fmt.Sprint(c.ids.Add(1))}
	number := strings.TrimPrefix(m.Dest.Addr, "+")
	op, dialogue := m.TLVs.Uint(smpp.TagUSSDServiceOp)
	c.mu.Lock()
	phone, waiter := c.phones[number], c.texts[number]
	c.mu.Unlock()
	switch {
	case !dialogue:
		c.taken.Add(1)
		if waiter != nil {
			select {
			case waiter <- time.Now():
			default:
			}
		}
	case phone != nil:
		text, err := gsm.Decode(m.DataCoding, m.Payload)
		if err != nil {
			return smpp.Reply{}, smpp.ErrSubmitFail
		}
		if info, ok := m.TLVs.Get(smpp.TagITSSessionInfo); ok {
			phone.info.Store(&info)
		}
		phone.pages <- Page{text, ussd.Op(op) == ussd.OpPSSRResponse}
	}
	return reply, nil
}

// Phone is one handset, in one pair of hands.
type Phone struct {
	centre *Centre
	link   *smpp.Session
	number string
	dials  byte
	info   atomic.Pointer[[]byte]
	pages  chan Page
}

// Phone puts a handset with this number, digits only, into the network.
func (c *Centre) Phone(link *smpp.Session, number string) *Phone {
	p := &Phone{centre: c, link: link, number: number, pages: make(chan Page, 4)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phones[number] = p
	return p
}

// Dial begins a dialogue; one that was live is lost.
func (p *Phone) Dial(ctx context.Context, code string) (Page, error) {
	p.dials++
	info := []byte{p.dials, 0}
	p.info.Store(&info)
	return p.step(ctx, ussd.OpPSSRIndication, code)
}

// Answer keys something in.
func (p *Phone) Answer(ctx context.Context, input string) (Page, error) {
	return p.step(ctx, ussd.OpUSSRConfirm, input)
}

func (p *Phone) step(ctx context.Context, op ussd.Op, input string) (Page, error) {
	m := message(p.number, "369", input)
	m.ServiceType = "USSD"
	info := *p.info.Load()
	m.TLVs = smpp.TLVs{
		{Tag: smpp.TagUSSDServiceOp, Value: []byte{byte(op)}},
		{Tag: smpp.TagITSSessionInfo, Value: []byte{info[0], info[1] &^ 1}},
	}
	refused := make(chan error, 1)
	err := p.link.SubmitAsync(ctx, m, func(_ smpp.SubmitResult, err error) {
		if err != nil {
			refused <- err
		}
	})
	if err != nil {
		return Page{}, fmt.Errorf("bench: key %q: %w", input, err)
	}
	select {
	case page := <-p.pages:
		return page, nil
	case err := <-refused:
		return Page{}, fmt.Errorf("bench: key %q: %w", input, err)
	case <-ctx.Done():
		return Page{}, fmt.Errorf("bench: no page for %q: %w", input, ctx.Err())
	}
}

// ErrRefused says that a text was not taken.
var ErrRefused = errors.New("bench: the text was refused")

// Text sends a text and waits until it is acknowledged and its answer has been
// submitted; it gives the time each took.
func (c *Centre) Text(ctx context.Context, link *smpp.Session, number, to, body string) (acked, answered time.Duration, err error) {
	answer := make(chan time.Time, 1)
	c.mu.Lock()
	c.texts[number] = answer
	c.mu.Unlock()
	began := time.Now()
	if _, err := link.Submit(ctx, message(number, to, body)); err != nil {
		return 0, 0, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	acked = time.Since(began)
	select {
	case at := <-answer:
		return acked, at.Sub(began), nil
	case <-ctx.Done():
		return acked, 0, fmt.Errorf("bench: no answer to a text: %w", ctx.Err())
	}
}

func message(from, to, body string) smpp.ShortMessage {
	payload, alphabet := gsm.Encode(body)
	return smpp.ShortMessage{
		Command: smpp.DeliverSM, Source: smpp.Address{TON: 1, NPI: 1, Addr: from}, Dest: smpp.Address{Addr: to},
		Payload: payload, DataCoding: alphabet.DataCoding(),
	}
}
