package gateway

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wasl-sms/wasl/internal/inbox"
	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/private"
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
	Operators *Live
	// Links tells what staff want of each bind, and is told how it stands. Nil:
	// every bind runs, and nobody is told.
	Links    *links.Store
	Outbox   Outbox
	Inbox    Inbox
	Dialogue Dialogue // may be nil when no operator has USSD
	Log      *slog.Logger
	Metrics  *Metrics // may be nil
	Now      func() time.Time
	// KeepTimeout bounds the commit of what an operator delivers; then it is
	// told to try again. 5 s.
	KeepTimeout time.Duration
	// TraceDir is where binds are recorded when staff ask for it; "": nowhere.
	TraceDir string
	// Reconnect bounds the pauses between attempts to bind; 1 s to 30 s.
	ReconnectMin, ReconnectMax time.Duration
}

// Gateway keeps the binds of all operators.
type Gateway struct {
	cfg       Config
	operators atomic.Pointer[[]*operator]  // replaced, never changed
	elsewhere atomic.Pointer[[]links.Name] // binds by which other processes can send
	numbers   private.Reader
	changed   chan struct{} // how some bind stands

	mu      sync.Mutex
	wishes  map[links.Name]links.Wanted
	tallies map[links.Name]*tally
	removed []string // operators that went since the last report
	places  int      // binds so far
	lost    []error  // of lanes that ended with a loss
}

// operator is one operator at work.
type operator struct {
	name     string
	settings atomic.Pointer[Operator]
	list     atomic.Pointer[[]*bind] // replaced, never changed
	pages    pages
}

// now is the operator as the file describes it now.
func (o *operator) now() *Operator { return o.settings.Load() }

func (o *operator) binds() []*bind { return *o.list.Load() }

// ussd is the operator's dialect; nil where it has none.
func (o *operator) ussd() *ussd.Dialect { return o.now().USSD }

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
	g := &Gateway{cfg: cfg, changed: make(chan struct{}, 1), wishes: map[links.Name]links.Wanted{}, tallies: map[links.Name]*tally{}}
	g.operators.Store(&[]*operator{})
	for _, o := range cfg.Operators.Operators() {
		if o.USSD != nil && cfg.Dialogue == nil {
			return nil, errors.New("gateway: operator " + o.Name + " has USSD, and there is no dialogue to answer it")
		}
	}
	cfg.Metrics.watch(g)
	return g, nil
}

// present lists the operators at work now.
func (g *Gateway) present() []*operator { return *g.operators.Load() }

// Run keeps all binds until ctx ends, then ends them in order: nothing new is
// written, answers are waited for within drainFor, and each bind is unbound.
// It follows the operators file and the wishes of staff as they change; no
// bind is made before its wish is known.
func (g *Gateway) Run(ctx context.Context) error {
	if !g.learn(ctx) {
		return nil
	}
	var wg sync.WaitGroup
	attending, left := context.WithCancel(context.WithoutCancel(ctx))
	wg.Go(func() { g.attend(attending) })
	g.follow(ctx)
	left() // all binds have ended: the last report says so
	wg.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return errors.Join(g.lost...)
}

// BindsUp tells how many of all binds are bound, leaving out those that staff
// have drained. Those that are not made yet count as not bound.
func (g *Gateway) BindsUp() (up, all int) {
	made := map[links.Name]links.State{}
	for _, o := range g.present() {
		for _, b := range o.binds() {
			made[links.Name{Operator: o.name, Bind: b.Name}], _ = b.state()
		}
	}
	for _, o := range g.cfg.Operators.Operators() {
		for _, b := range o.Binds {
			switch made[links.Name{Operator: o.Name, Bind: b.Name}] {
			case links.Bound, links.Paused:
				up++
				all++
			case links.Draining, links.Drained:
			default:
				all++
			}
		}
	}
	return up, all
}

// Status tells how all binds of this process stand.
func (g *Gateway) Status() []links.Standing {
	var list []links.Standing
	now := g.cfg.Now()
	for _, o := range g.present() {
		for _, b := range o.binds() {
			list = append(list, b.standing(now))
		}
	}
	return list
}

// ring has the present state reported soon.
func (g *Gateway) ring() {
	select {
	case g.changed <- struct{}{}:
	default:
	}
}
