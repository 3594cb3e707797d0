package smpp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// ClientConfig describes one bind to an SMSC. It never prints the password.
type ClientConfig struct {
	Addr string      // host:port
	TLS  *tls.Config // nil for plain TCP; ServerName is taken from Addr when empty

	Mode             Mode
	SystemID         string
	Password         string `json:"-"`
	SystemType       string
	InterfaceVersion uint8 // 0x34
	AddrTON, AddrNPI uint8
	AddressRange     string

	Session SessionConfig

	// Outbind, where set, has the client wait for the SMSC's connection and its
	// outbind, and bind on that, instead of dialling Addr.
	Outbind *OutbindConfig

	// Pauses between attempts, each drawn between half and the whole and
	// doubled from Min to Max. A refusal that may lock the account, or says that
	// we are bound already, has pauses of its own.
	BackoffMin, BackoffMax        time.Duration // 1 s, 30 s
	BackoffFatal, BackoffFatalMax time.Duration // 2 min, 15 min

	// OnState hears of each change, on the goroutine of Run: bound (nil
	// error), or closed with the reason.
	OnState func(State, error)
	// Dial makes the connection; a net.Dialer by default.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Random draws from [0,1); math/rand by default.
	Random func() float64
}

// String leaves the password out.
func (c ClientConfig) String() string {
	if c.Outbind != nil {
		return fmt.Sprintf("%v as %q upon %v", c.Mode, c.SystemID, c.Outbind)
	}
	return fmt.Sprintf("%v to %s as %q", c.Mode, c.Addr, c.SystemID)
}

// Format keeps every verb safe to log.
func (c ClientConfig) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, c.String()) }

// LogValue is safe to log.
func (c ClientConfig) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Client keeps one bind alive.
type Client struct {
	cfg     ClientConfig
	handler Handler
	callers *callers // with Outbind

	mu      sync.Mutex
	session *Session
}

// NewClient prepares a client; Run starts it. The handler may be nil for a
// transmitter.
func NewClient(cfg ClientConfig, h Handler) *Client {
	if cfg.InterfaceVersion == 0 {
		cfg.InterfaceVersion = 0x34
	}
	orDefault(&cfg.BackoffMin, time.Second)
	orDefault(&cfg.BackoffMax, 30*time.Second)
	orDefault(&cfg.BackoffFatal, 2*time.Minute)
	orDefault(&cfg.BackoffFatalMax, 15*time.Minute)
	cfg.Session = cfg.Session.withDefaults(sideESME)
	if cfg.OnState == nil {
		cfg.OnState = func(State, error) {}
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext
	}
	if cfg.Random == nil {
		cfg.Random = rand.Float64
	}
	c := &Client{cfg: cfg, handler: h}
	if cfg.Outbind != nil {
		c.callers = newCallers(*cfg.Outbind)
	}
	return c
}

// Session is the present session, if it is bound.
func (c *Client) Session() (*Session, bool) {
	c.mu.Lock()
	s := c.session
	c.mu.Unlock()
	return s, s != nil && s.State().Bound()
}

// Submit is Session.Submit on the present session, or ErrNotBound.
func (c *Client) Submit(ctx context.Context, m ShortMessage) (SubmitResult, error) {
	s, ok := c.Session()
	if !ok {
		return SubmitResult{Ref: m.Ref}, ErrNotBound
	}
	return s.Submit(ctx, m)
}

// SubmitAsync is Session.SubmitAsync on the present session, or ErrNotBound.
func (c *Client) SubmitAsync(ctx context.Context, m ShortMessage, done func(SubmitResult, error)) error {
	s, ok := c.Session()
	if !ok {
		return ErrNotBound
	}
	return s.SubmitAsync(ctx, m, done)
}

// Run binds, and binds again whenever the link is lost, until ctx ends; then
// it closes the session in order and returns nil. With Outbind it listens as
// long, and after a lost link waits for the next outbind without a pause.
func (c *Client) Run(ctx context.Context) error {
	pause, fatal := c.cfg.BackoffMin, c.cfg.BackoffFatal
	var sessions sync.WaitGroup
	defer sessions.Wait()
	if c.callers != nil {
		defer c.callers.close()
	}
	for {
		s, err := c.bind(ctx)
		bound := err == nil
		if bound {
			pause, fatal = c.cfg.BackoffMin, c.cfg.BackoffFatal
			sessions.Go(func() {
				<-s.done
				<-s.work.drained()
			})
			err = c.attend(ctx, s)
		}
		if ctx.Err() != nil {
			return nil
		}
		c.cfg.OnState(StateClosed, err)
		if bound && c.callers != nil {
			continue
		}
		wait := pause
		var status Status
		if errors.As(err, &status) && (status.BindFatal() || status == ErrAlyBnd) {
			wait = max(pause, fatal)
			fatal = min(fatal*2, c.cfg.BackoffFatalMax)
		}
		timer := time.NewTimer(wait/2 + time.Duration(c.cfg.Random()*float64(wait/2)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		pause = min(pause*2, c.cfg.BackoffMax)
	}
}

// attend waits for the end of a bound session, or ends it with ctx.
func (c *Client) attend(ctx context.Context, s *Session) error {
	c.mu.Lock()
	c.session = s
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.session = nil
		c.mu.Unlock()
	}()
	c.cfg.OnState(s.State(), nil)
	select {
	case <-s.ended:
	case <-ctx.Done():
		limit := c.cfg.Session.DrainTimeout + c.cfg.Session.UnbindTimeout
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		defer cancel()
		_ = s.Close(end)
		c.cfg.OnState(StateClosed, nil)
		return nil
	}
	<-s.done
	return s.Err()
}

// bind connects and binds, each within BindTimeout.
func (c *Client) bind(ctx context.Context) (*Session, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	cfg := &c.cfg
	return Bind(ctx, conn, BindRequest{
		Mode: cfg.Mode, SystemID: cfg.SystemID, Password: cfg.Password, SystemType: cfg.SystemType,
		InterfaceVersion: cfg.InterfaceVersion, AddrTON: cfg.AddrTON, AddrNPI: cfg.AddrNPI,
		AddressRange: cfg.AddressRange,
	}, cfg.Session, c.handler)
}

func (c *Client) connect(ctx context.Context) (net.Conn, error) {
	if c.callers != nil {
		return c.callers.next(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Session.BindTimeout)
	defer cancel()
	conn, err := c.cfg.Dial(ctx, "tcp", c.cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("%w to %s: %w", ErrConnect, c.cfg.Addr, err)
	}
	if c.cfg.TLS == nil {
		return conn, nil
	}
	return c.secure(ctx, conn)
}

func (c *Client) secure(ctx context.Context, conn net.Conn) (net.Conn, error) {
	cfg := c.cfg.TLS.Clone()
	if cfg.ServerName == "" {
		host, _, err := net.SplitHostPort(c.cfg.Addr)
		if err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("smpp: server name of %s: %w", c.cfg.Addr, err)
		}
		cfg.ServerName = host
	}
	secured := tls.Client(conn, cfg)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, tlsError(c.cfg.Addr, err)
	}
	return secured, nil
}
