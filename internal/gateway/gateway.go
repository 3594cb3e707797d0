package gateway

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/wasl-sms/wasl/internal/inbox"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/ussd"
)

// Dialogue answers one step of a USSD session. It always answers.
type Dialogue interface {
	Step(ctx context.Context, operator string, b ussd.Budget, r ussd.Request) ussd.Reply
}

// Inbox keeps what people send.
type Inbox interface {
	Keep(ctx context.Context, a inbox.Arrival) (inbox.Verdict, error)
}

// Outbox takes texts to a bind, and hears of receipts.
type Outbox interface {
	Serve(ctx context.Context, l outbox.Lane, link outbox.Link) error
	Receive(ctx context.Context, r outbox.Receipt) error
	Late(ctx context.Context, l outbox.Lane, p outbox.Part, a outbox.Answer) error
}

// Config is what a Gateway stands on. The Outbox must be running.
type Config struct {
	Operators Operators
	Outbox    Outbox
	Inbox     Inbox
	Dialogue  Dialogue // may be nil when no operator has USSD
	Log       *slog.Logger
	Metrics   *Metrics // may be nil
	Now       func() time.Time
	// KeepTimeout bounds the commit of what an operator delivers; then it is
	// told to try again. 5 s.
	KeepTimeout time.Duration
	// Reconnect bounds the pauses between attempts to bind; 1 s to 30 s.
	ReconnectMin, ReconnectMax time.Duration
}

// Gateway keeps the binds of all operators.
type Gateway struct {
	cfg       Config
	operators []*operator
}

// operator is one operator at work.
type operator struct {
	Operator
	binds []*bind
	pages pages
}

// New makes a Gateway.
func New(cfg Config) (*Gateway, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.KeepTimeout <= 0 {
		cfg.KeepTimeout = 5 * time.Second
	}
	g := &Gateway{cfg: cfg}
	place := 0
	for _, o := range cfg.Operators {
		if o.USSD != nil && cfg.Dialogue == nil {
			return nil, errors.New("gateway: operator " + o.Name + " has USSD, and there is no dialogue to answer it")
		}
		op := &operator{Operator: o, pages: newPages()}
		for _, b := range o.Binds {
			op.binds = append(op.binds, newBind(g, op, b, place))
			place++
		}
		g.operators = append(g.operators, op)
	}
	return g, nil
}

// Run keeps all binds until ctx ends, then ends them in order: nothing new is
// written, answers are waited for within drainFor, and each bind is unbound.
func (g *Gateway) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	errs := make(chan error, 64)
	for _, o := range g.operators {
		for _, b := range o.binds {
			wg.Go(func() {
				if err := b.run(ctx); err != nil {
					g.cfg.Log.LogAttrs(ctx, slog.LevelError, "bind ended with a loss",
						slog.String("operator", o.Name), slog.String("bind", b.Name), slog.Any("error", err))
					select {
					case errs <- err:
					default:
					}
				}
			})
		}
	}
	wg.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	return errors.Join(all...)
}

// BindsUp tells how many of all binds are bound.
func (g *Gateway) BindsUp() (up, all int) {
	for _, o := range g.operators {
		for _, b := range o.binds {
			all++
			if b.status().Up {
				up++
			}
		}
	}
	return up, all
}

// OperatorStatus is an operator as staff see it.
type OperatorStatus struct {
	Name       string
	Prefixes   []string
	ShortCodes []string
	USSDCodes  []string
	Binds      []BindStatus
}

// BindStatus is a bind as staff see it.
type BindStatus struct {
	Name      string
	Address   string
	Mode      string
	Up        bool
	Since     time.Time // of Up or its contrary
	Rebinds   int
	LastError string
	InFlight  int
	Window    int
	TPS       float64
}

// Status tells how all operators stand.
func (g *Gateway) Status() []OperatorStatus {
	var list []OperatorStatus
	for _, o := range g.operators {
		s := OperatorStatus{Name: o.Name, Prefixes: o.Prefixes, ShortCodes: o.ShortCodes, USSDCodes: o.USSDCodes}
		for _, b := range o.binds {
			s.Binds = append(s.Binds, b.status())
		}
		list = append(list, s)
	}
	return list
}
