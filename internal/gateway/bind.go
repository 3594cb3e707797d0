package gateway

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/smpp"
)

const (
	drainFor    = 10 * time.Second // for the answers that are out when we end
	unbindDrain = 3 * time.Second
)

// bind keeps one connection to an operator.
type bind struct {
	Bind
	g      *Gateway
	op     *operator
	place  int // among all binds of this process
	client *smpp.Client
	limit  *rate.Limiter
	bound  chan *smpp.Session // the newest session, for the lane

	sessions atomic.Uint64 // sessions so far: names the present one

	mu      sync.Mutex
	up      bool
	since   time.Time
	rebinds int
	lastErr string
}

func newBind(g *Gateway, op *operator, cfg Bind, place int) *bind {
	b := &bind{Bind: cfg, g: g, op: op, place: place, bound: make(chan *smpp.Session, 1), limit: outbox.Limit(cfg.TPS), since: g.cfg.Now()}
	b.client = smpp.NewClient(smpp.ClientConfig{
		Addr: cfg.Address, TLS: cfg.tlsConfig, Mode: cfg.mode,
		SystemID: cfg.SystemID, Password: cfg.Password, SystemType: cfg.SystemType, AddressRange: cfg.AddressRange,
		BackoffMin: g.cfg.ReconnectMin, BackoffMax: g.cfg.ReconnectMax,
		OnState: b.changed,
		Session: smpp.SessionConfig{
			Window: cfg.Window, BindTimeout: cfg.BindWait, EnquireEvery: cfg.EnquireEvery, EnquireTimeout: cfg.EnquireWait,
			ResponseTimeout: cfg.ResponseWait, WriteTimeout: cfg.WriteWait, Inactivity: cfg.Inactivity,
			DrainTimeout: unbindDrain, Tracer: tracer{b},
		},
	}, handler{b})
	return b
}

// changed hears from the client, on its goroutine.
func (b *bind) changed(s smpp.State, err error) {
	b.mu.Lock()
	b.up, b.since = s.Bound(), b.g.cfg.Now()
	attrs := []slog.Attr{slog.String("operator", b.op.Name), slog.String("bind", b.Name), slog.String("state", s.String())}
	if b.up {
		b.rebinds++
		b.lastErr = ""
	} else if err != nil {
		b.lastErr = err.Error()
		attrs = append(attrs, slog.Any("error", err))
	}
	up := b.up
	b.mu.Unlock()
	b.g.cfg.Metrics.bindState(b, up)
	b.g.cfg.Log.LogAttrs(context.Background(), slog.LevelInfo, "bind", attrs...)
	if !up {
		return
	}
	b.sessions.Add(1)
	if session, ok := b.client.Session(); ok {
		select { // replace a session that the lane has not looked at
		case <-b.bound:
		default:
		}
		b.bound <- session
	}
}

// run keeps the bind until ctx ends. The lane ends first, so that what it has
// written may still be answered; then the session is closed in order.
func (b *bind) run(ctx context.Context) error {
	link, unlink := context.WithCancel(context.WithoutCancel(ctx))
	defer unlink()
	var wg sync.WaitGroup
	wg.Go(func() { _ = b.client.Run(link) }) // returns nil once link ends
	var err error
	if b.sends() {
		laneEnded := make(chan struct{})
		wg.Go(func() {
			select {
			case <-ctx.Done():
			case <-laneEnded:
				return
			}
			t := time.NewTimer(drainFor)
			defer t.Stop()
			select {
			case <-laneEnded:
			case <-t.C:
				unlink() // the session settles what is still out
			}
		})
		err = b.serveLane(ctx)
		close(laneEnded)
	} else {
		<-ctx.Done()
	}
	unlink()
	wg.Wait()
	return err
}

// lane is this bind's share of the outbox. Where USSD shares the bind, a part
// of the window is left to it: a page can't wait behind a campaign.
func (b *bind) lane() outbox.Lane {
	window := b.Window
	if b.op.USSD != nil {
		window = max(1, window*4/5)
	}
	return outbox.Lane{Operator: b.op.Name, Bind: b.op.Name + "/" + b.Name, Window: window, Limit: b.limit}
}

// serveLane runs the lane for as long as each session lives.
func (b *bind) serveLane(ctx context.Context) error {
	for {
		var session *smpp.Session
		select {
		case session = <-b.bound:
		case <-ctx.Done():
			return nil
		}
		err := b.serveSession(ctx, session)
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			b.g.cfg.Log.LogAttrs(ctx, slog.LevelError, "lane ended with a loss",
				slog.String("operator", b.op.Name), slog.String("bind", b.Name), slog.Any("error", err))
		}
	}
}

func (b *bind) serveSession(ctx context.Context, s *smpp.Session) error {
	alive, end := context.WithCancel(ctx)
	defer end()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-s.Done():
			end()
		case <-alive.Done():
		}
	}()
	err := b.g.cfg.Outbox.Serve(alive, b.lane(), link{b, s})
	end()
	<-watched
	return err
}

// sender gives a bound session that may submit: s itself where it can, else
// another of the operator's.
func (b *bind) sender(s *smpp.Session) (*smpp.Session, bool) {
	if b.sends() && s.State().Bound() {
		return s, true
	}
	for _, other := range b.op.binds {
		if other.sends() {
			if s, ok := other.client.Session(); ok {
				return s, true
			}
		}
	}
	return nil, false
}

func (b *bind) status() BindStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := BindStatus{
		Name: b.Name, Address: b.Address, Mode: b.Mode, Up: b.up, Since: b.since, Rebinds: max(0, b.rebinds-1),
		LastError: b.lastErr, Window: b.Window, TPS: b.TPS,
	}
	if session, ok := b.client.Session(); ok {
		s.InFlight = session.InFlight()
	}
	return s
}

// tracer counts what a session survived.
type tracer struct{ b *bind }

func (t tracer) PDU(*smpp.Session, smpp.Direction, smpp.Header) {}

func (t tracer) Problem(_ *smpp.Session, err error) {
	t.b.g.cfg.Metrics.problem(t.b)
	t.b.g.cfg.Log.LogAttrs(context.Background(), slog.LevelDebug, "session problem",
		slog.String("operator", t.b.op.Name), slog.String("bind", t.b.Name), slog.Any("error", err))
}
