package gateway

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/ussd"
)

const (
	drainFor    = 10 * time.Second // for the answers that are out when we end
	unbindDrain = 3 * time.Second
	atOnce      = 512 // messages of one bind under way, and as many that wait: those that wait for a commit share it
)

// bind keeps one connection to an operator, with the settings it was made
// with: others are another bind.
type bind struct {
	Bind
	g      *Gateway
	op     *operator
	place  int // among all binds of this process
	client *smpp.Client
	limit  *rate.Limiter      // of texts and pages together
	bound  chan *smpp.Session // the newest session, for the lane
	order  *order
	health health
	tally  *tally
	trace  trace

	sessions atomic.Uint64 // sessions so far: names the present one

	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	up      bool
	away    bool // neither bound nor trying
	serving bool // a lane may still write
	refused bool // by the last answer to a bind
	ended   bool
	was     links.State
	since   time.Time
	turned  chan struct{} // closed and replaced when was changes
	rebinds int
	failed  *links.Failure
}

func (g *Gateway) newBind(o *operator, cfg Bind) *bind {
	b := &bind{
		Bind: cfg, g: g, op: o, bound: make(chan *smpp.Session, 1), limit: outbox.Limit(cfg.TPS), done: make(chan struct{}),
		was: links.Connecting, since: g.cfg.Now(), turned: make(chan struct{}),
	}
	b.order = newOrder(g.wishFor(b.id()).Wish)
	b.tally = g.tallyOf(b.id())
	b.place = g.nextPlace()
	b.client = smpp.NewClient(b.clientConfig(), handler{b})
	return b
}

// clientConfig is what the settings are to the session layer.
func (b *bind) clientConfig() smpp.ClientConfig {
	login := b.login()
	return smpp.ClientConfig{
		Addr: b.Address, TLS: b.tlsConfig, Outbind: b.outbind(b.turnedAway),
		Mode: login.Mode, SystemID: login.SystemID, Password: login.Password, SystemType: login.SystemType,
		InterfaceVersion: login.InterfaceVersion, AddrTON: login.AddrTON, AddrNPI: login.AddrNPI, AddressRange: login.AddressRange,
		BackoffMin: b.g.cfg.ReconnectMin, BackoffMax: b.g.cfg.ReconnectMax, BackoffFatalMax: RefusedFor,
		OnState: b.heard,
		Session: smpp.SessionConfig{
			Window: b.Window, BindTimeout: b.BindWait, EnquireEvery: b.EnquireEvery, EnquireTimeout: b.EnquireWait,
			ResponseTimeout: b.ResponseWait, WriteTimeout: b.WriteWait, Inactivity: b.Inactivity,
			DrainTimeout: unbindDrain, Tracer: tracer{b},
			HandlerConcurrency: atOnce, HandlerQueue: atOnce,
		},
	}
}

func (g *Gateway) nextPlace() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.places++
	return g.places
}

func (b *bind) id() links.Name { return links.Name{Operator: b.op.name, Bind: b.Name} }

// start runs the bind until end is called. It is listed by now: a wish that came
// before that is looked up here, a later one is told.
func (b *bind) start(ctx context.Context) {
	ctx, b.cancel = context.WithCancel(context.WithoutCancel(ctx))
	w := b.g.wishFor(b.id())
	b.order.set(w.Wish)
	b.record(ctx, w.TraceUntil)
	go func() {
		defer close(b.done)
		b.run(ctx)
	}()
}

// end ends the bind in order and waits for it.
func (b *bind) end() {
	b.cancel()
	<-b.done
	b.record(context.Background(), time.Time{})
	b.stopped()
}

// obey takes up a wish of staff.
func (b *bind) obey(ctx context.Context, w links.Wanted) {
	b.record(ctx, w.TraceUntil)
	if !b.order.set(w.Wish) {
		return
	}
	b.g.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "wish for a bind",
		slog.String("operator", b.op.name), slog.String("bind", b.Name), slog.String("wish", string(w.Wish)))
	b.review()
}

// run keeps the bind, or stays away while staff want it drained.
func (b *bind) run(ctx context.Context) {
	for ctx.Err() == nil {
		wish, changed := b.order.get()
		if wish != links.Drain {
			b.keep(ctx)
			continue
		}
		b.absent(true)
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// keep holds the link until ctx ends or staff want it drained. The lane ends
// first, so that what it has written may still be answered; then the session
// is closed in order.
func (b *bind) keep(ctx context.Context) {
	b.absent(false)
	link, unlink := context.WithCancel(context.WithoutCancel(ctx))
	defer unlink()
	var client sync.WaitGroup
	client.Go(func() { _ = b.client.Run(link) }) // returns nil once link ends
	b.serve(ctx, unlink)
	unlink()
	client.Wait()
}

// serve runs the lane on each session in turn while staff want it to.
func (b *bind) serve(ctx context.Context, unlink func()) {
	var session *smpp.Session
	for {
		wish, changed := b.order.get()
		if wish == links.Drain || ctx.Err() != nil {
			return
		}
		if wish == links.Run && b.sendsTexts() && session != nil && session.State().Bound() {
			b.serveSession(ctx, session, changed, unlink)
			continue
		}
		select {
		case session = <-b.bound:
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// serveSession runs the lane until the session or ctx ends or the order
// changes, and waits for the answers that are out. Those of a session that is
// to end are waited for within drainFor.
func (b *bind) serveSession(ctx context.Context, s *smpp.Session, changed <-chan struct{}, unlink func()) {
	alive, stop := context.WithCancel(ctx)
	served, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-s.Done():
		case <-changed:
		case <-ctx.Done():
		case <-served:
		}
		stop()
		if ctx.Err() == nil && b.order.wish() != links.Drain {
			return
		}
		t := time.NewTimer(drainFor)
		defer t.Stop()
		select {
		case <-t.C:
			unlink() // the session settles what is still out
		case <-served:
		}
	}()
	b.serves(true)
	defer b.serves(false)
	lane := b.lane()
	err := b.g.cfg.Outbox.Serve(alive, lane, link{b, s, lane})
	close(served)
	<-watched
	if err != nil {
		b.g.lostBy(ctx, b, err)
	}
}

// lostBy notes that answers could not be stored.
func (g *Gateway) lostBy(ctx context.Context, b *bind, err error) {
	g.cfg.Log.LogAttrs(ctx, slog.LevelError, "lane ended with a loss",
		slog.String("operator", b.op.name), slog.String("bind", b.Name), slog.Any("error", err))
	if ctx.Err() == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lost = append(g.lost, err)
}

// lane is this bind's share of the outbox. Where USSD shares the bind, a part
// of the window is left to it: a page can't wait behind a campaign.
func (b *bind) lane() outbox.Lane {
	window := b.Window
	if b.dialect() != nil {
		window = max(1, window*4/5)
	}
	return outbox.Lane{
		Operator: b.op.name, Bind: b.op.name + "/" + b.Name, Window: window, Limit: b.limit,
		Relieves: func() []string { return b.g.relieved(b.op.name) },
	}
}

// dialect is how the bind carries USSD; nil where it does not. On one that
// carries nothing else no sign is asked for.
func (b *bind) dialect() *ussd.Dialect {
	d := b.op.ussd()
	switch {
	case d == nil || !b.Carries.pages():
		return nil
	case !b.Carries.texts():
		all := *d
		all.Match = ussd.MatchAll
		return &all
	}
	return d
}

// sender gives a bound session that may submit a page, with its bind: s itself
// where it can, else another of the operator's.
func (b *bind) sender(s *smpp.Session) (*bind, *smpp.Session, bool) {
	if b.sendsPages() && s.State().Bound() {
		return b, s, true
	}
	for _, other := range b.op.binds() {
		if other.sendsPages() {
			if s, ok := other.client.Session(); ok {
				return other, s, true
			}
		}
	}
	return nil, nil, false
}

// turnedAway hears of callers that were not let in.
func (b *bind) turnedAway(from net.Addr, err error) {
	b.g.cfg.Metrics.problem(b)
	b.g.cfg.Log.LogAttrs(context.Background(), slog.LevelWarn, "caller turned away",
		slog.String("operator", b.op.name), slog.String("bind", b.Name), slog.String("from", from.String()), slog.Any("error", err))
}

// settle waits until the bind is bound, or kept from it by staff.
func (b *bind) settle(ctx context.Context, limit time.Duration) {
	t := time.NewTimer(limit)
	defer t.Stop()
	for {
		b.mu.Lock()
		state, turned := b.was, b.turned
		b.mu.Unlock()
		if slices.Contains([]links.State{links.Bound, links.Paused, links.Drained, links.Refused}, state) {
			return
		}
		select {
		case <-turned:
		case <-t.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
