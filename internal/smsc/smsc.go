package smsc

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// Config says what kind of operator to play. Its zero value is a working one
// with no account and no SIM.
type Config struct {
	Accounts map[string]string // system_id to password
	SIMs     []string          // numbers with a handset from the start

	// AnyNumber gives every number that is sent to a handset; otherwise a
	// number without one is an unknown subscriber.
	AnyNumber bool

	USSDCode  string // what the phone page suggests to dial, "*369#"
	ShortCode string // where the phone page sends messages to, "3690"

	DialogueLimit time.Duration // the network's limit for one dialogue; 180 s
	StepLimit     time.Duration // the application's time for one page; 25 s
	DeliverLimit  time.Duration // the application's time for one deliver_sm_resp; 10 s

	LedgerFile string // each accepted message is a line here, on disk before its response
	LedgerMax  int    // entries kept in memory; 100,000

	// Dial connects to applications that wait for outbind; TCP, unless set.
	Dial            func(ctx context.Context, network, address string) (net.Conn, error)
	OutbindPassword string

	Session smpp.SessionConfig
	Log     *slog.Logger
	Now     func() time.Time
}

func (c Config) withDefaults() Config {
	c.DialogueLimit = cmp.Or(c.DialogueLimit, 180*time.Second)
	c.StepLimit = cmp.Or(c.StepLimit, 25*time.Second)
	c.DeliverLimit = cmp.Or(c.DeliverLimit, 10*time.Second)
	c.LedgerMax = cmp.Or(c.LedgerMax, 100_000)
	// Answers that are held back must not hold up others.
	c.Session.HandlerConcurrency = cmp.Or(c.Session.HandlerConcurrency, 1000)
	c.Session.HandlerQueue = cmp.Or(c.Session.HandlerQueue, 10_000)
	c.USSDCode = cmp.Or(c.USSDCode, "*369#")
	c.ShortCode = cmp.Or(c.ShortCode, "3690")
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{}).DialContext
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// systemID is the operator's own name.
const systemID = "smsc"

// firstID lets every form of a message id look different from the others.
const firstID = 0x5EA0B0

// SMSC is the operator. Its methods may be called from any goroutine.
type SMSC struct {
	cfg    Config
	ledger *ledger
	nextID atomic.Uint64

	ctx    context.Context // ends with Close: timers and receipts stop
	cancel context.CancelFunc
	wg     sync.WaitGroup

	streams    context.Context // of the phone pages
	endStreams context.CancelFunc

	mu       sync.Mutex
	closed   bool
	handsets map[string]*handset
	order    []string // numbers in the order the SIMs were added
	joiner   *gsm.Joiner
	passages *passages
	parts    map[gsm.Key][]string // message ids of parts that wait for the others
	binds    []*bind
	gone     Counts // of binds that have ended
	taps     map[*tap]struct{}
	turn     int
	server   *smpp.Server        // of Serve
	conducts map[string]*conduct // by scope; "" for all others
	scripts  context.CancelFunc  // ends those that run
	scripted context.Context
	wake     chan struct{} // closed and replaced when any handset changes
}

// New makes an operator. It fails only where the ledger's file can't be opened.
func New(cfg Config) (*SMSC, error) {
	cfg = cfg.withDefaults()
	l, err := openLedger(cfg.LedgerFile, cfg.LedgerMax)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &SMSC{
		cfg: cfg, ledger: l, ctx: ctx, cancel: cancel,
		handsets: make(map[string]*handset),
		taps:     make(map[*tap]struct{}),
		conducts: make(map[string]*conduct),
		passages: newPassages(cfg.LedgerMax),
		parts:    make(map[gsm.Key][]string),
		wake:     make(chan struct{}),
	}
	s.nextID.Store(firstID)
	s.streams, s.endStreams = context.WithCancel(ctx)
	s.scripted, s.scripts = context.WithCancel(ctx)
	s.joiner = gsm.NewJoiner(gsm.JoinerConfig{Now: cfg.Now})
	for _, n := range cfg.SIMs {
		s.AddSIM(n)
	}
	return s, nil
}

// Serve takes binds on ln until ctx ends, then unbinds and waits for all that
// it started.
func (s *SMSC) Serve(ctx context.Context, ln net.Listener) error {
	srv := &smpp.Server{
		SystemID: systemID,
		Auth:     s.authenticate,
		Handler:  link{s},
		Session:  s.cfg.Session,
		OnBind:   s.bound,
		OnUnbind: s.unbound,
	}
	s.mu.Lock()
	s.server = srv
	s.mu.Unlock()
	if err := srv.Serve(ctx, tapListener{ln, s}); err != nil && ctx.Err() == nil {
		return fmt.Errorf("smsc: serve %s: %w", ln.Addr(), err)
	}
	return nil
}

// Close stops timers and waits for what they started. Call it after Serve has
// returned.
func (s *SMSC) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.wg.Wait()
	return s.ledger.close()
}

// spawn runs f until it returns; Close waits for it.
func (s *SMSC) spawn(f func(context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.wg.Go(func() { f(s.ctx) })
	}
}

// AddSIM puts a handset with this number into the network; a number that is
// there already stays as it is.
func (s *SMSC) AddSIM(msisdn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handset(msisdn)
}

// NewSIM adds a handset with the next free number and returns the number.
func (s *SMSC) NewSIM() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 1; ; i++ {
		n := fmt.Sprintf("+2126%08d", i)
		if s.handsets[n] == nil {
			s.handset(n)
			return n
		}
	}
}

// SIMs lists the numbers in the order they were added.
func (s *SMSC) SIMs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.order)
}

// SetSubscriber says how the network finds a number from now on.
func (s *SMSC) SetSubscriber(msisdn string, state Subscriber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handset(msisdn).subscriber = state
}

// handset finds or makes a handset; the caller holds s.mu.
func (s *SMSC) handset(msisdn string) *handset {
	n := canonical(msisdn)
	h := s.handsets[n]
	if h == nil {
		h = &handset{msisdn: n, wake: make(chan struct{})}
		s.handsets[n] = h
		s.order = append(s.order, n)
		s.changed(h)
	}
	return h
}

// changed wakes whoever watches this handset, or all of them; the caller holds s.mu.
func (s *SMSC) changed(h *handset) {
	h.version++
	close(h.wake)
	h.wake = make(chan struct{})
	close(s.wake)
	s.wake = make(chan struct{})
}

// Ledger returns every message the operator has accepted and still holds in
// memory, oldest first: what it took over, whatever became of the response.
func (s *SMSC) Ledger() []Accepted { return s.ledger.all() }
