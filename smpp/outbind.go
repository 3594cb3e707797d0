package smpp

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

// maxOutbind is longer than any outbind may be, parameters that some peers
// add included.
const maxOutbind = 256

// OutbindRequest is what an SMSC presents when it asks us to bind. It never
// prints the password. [SMPP 3.4 §4.1.7]
type OutbindRequest struct {
	SystemID string
	Password string `json:"-"`
}

// String leaves the password out.
func (r OutbindRequest) String() string { return fmt.Sprintf("outbind system_id %q", r.SystemID) }

// Format keeps every verb safe to log.
func (r OutbindRequest) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, r.String()) }

// LogValue is safe to log.
func (r OutbindRequest) LogValue() slog.Value { return slog.StringValue(r.String()) }

// AppendOutbind appends an outbind.
func AppendOutbind(b []byte, seq uint32, r OutbindRequest) ([]byte, error) {
	start := len(b)
	b, err := appendCString(AppendHeader(b, Outbind, StatusOK, seq), systemIDField, r.SystemID)
	if err == nil {
		b, err = appendCString(b, passwordField, r.Password)
	}
	if err != nil {
		return b[:start], err
	}
	return finish(b, start), nil
}

// DecodeOutbind reads the body of an outbind.
func DecodeOutbind(body []byte) (OutbindRequest, error) {
	c := newCursor(body)
	r := OutbindRequest{SystemID: c.cstring(systemIDField), Password: c.cstring(passwordField)}
	return r, c.err
}

// OutbindConfig says where and for whom a client waits instead of dialling.
// Whoever is admitted is sent our own password in the bind: restrict it by
// Allow, SystemID and Password, or client certificates.
type OutbindConfig struct {
	Addr string      // host:port to listen on
	TLS  *tls.Config // with our certificate; nil for plain TCP

	SystemID string // that the SMSC must present; any where empty
	Password string `json:"-"` // likewise
	Allow    func(net.Addr) bool

	Timeout     time.Duration // from the connection to its outbind, and from there to our bind; 10 s
	Connections int           // at once, not yet bound on; 4

	// Refused hears of connections that were closed without a bind.
	Refused func(net.Addr, error)
	// Listen opens the listener; a net.ListenConfig by default.
	Listen func(ctx context.Context, network, addr string) (net.Listener, error)
}

// String leaves the password out.
func (o OutbindConfig) String() string {
	return fmt.Sprintf("outbind of %q on %s", o.SystemID, o.Addr)
}

// Format keeps every verb safe to log.
func (o OutbindConfig) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, o.String()) }

// LogValue is safe to log.
func (o OutbindConfig) LogValue() slog.Value { return slog.StringValue(o.String()) }

func (o OutbindConfig) withDefaults() OutbindConfig {
	orDefault(&o.Timeout, 10*time.Second)
	orDefault(&o.Connections, 4)
	if o.Allow == nil {
		o.Allow = func(net.Addr) bool { return true }
	}
	if o.Refused == nil {
		o.Refused = func(net.Addr, error) {}
	}
	if o.Listen == nil {
		o.Listen = (&net.ListenConfig{}).Listen
	}
	return o
}

// Why a connection was closed without a bind.
var (
	// ErrNoOutbind: what came first was no outbind, or none came in time.
	ErrNoOutbind = errors.New("smpp: no outbind")
	// ErrOutbindRefused: the address, system_id or password is not the expected
	// one.
	ErrOutbindRefused = errors.New("smpp: outbind refused")
	// ErrOutbindUnused: there was no need for another link.
	ErrOutbindUnused = errors.New("smpp: outbind while bound")
)

// callers takes the connections of SMSCs that say outbind.
type callers struct {
	cfg   OutbindConfig
	ready chan net.Conn

	listener net.Listener
	lost     chan error // why listener ended
	conns    sync.WaitGroup
}

func newCallers(cfg OutbindConfig) *callers {
	return &callers{cfg: cfg.withDefaults(), ready: make(chan net.Conn)}
}

// next waits for a connection on which an SMSC said outbind. Only one
// goroutine calls it.
func (c *callers) next(ctx context.Context) (net.Conn, error) {
	if c.listener == nil {
		l, err := c.cfg.Listen(ctx, "tcp", c.cfg.Addr)
		if err != nil {
			return nil, fmt.Errorf("smpp: wait for outbind: %w", err)
		}
		c.listener, c.lost = l, make(chan error, 1)
		c.conns.Go(func() { c.lost <- c.accept(ctx, l) })
	}
	select {
	case conn := <-c.ready:
		return conn, nil
	case err := <-c.lost:
		_ = c.listener.Close()
		c.listener = nil
		return nil, fmt.Errorf("smpp: wait for outbind: %w", err)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// close ends the listener and what waits; the context of next has ended.
func (c *callers) close() {
	if c.listener != nil {
		_ = c.listener.Close()
	}
	c.conns.Wait()
}

func (c *callers) accept(ctx context.Context, l net.Listener) error {
	room := make(chan struct{}, c.cfg.Connections)
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		select {
		case room <- struct{}{}:
			c.conns.Go(func() {
				defer func() { <-room }()
				c.greet(ctx, conn)
			})
		default:
			_ = conn.Close()
			c.cfg.Refused(conn.RemoteAddr(), fmt.Errorf("%w: %d connections wait already", ErrOutbindRefused, c.cfg.Connections))
		}
	}
}

// greet hands the connection on, or closes it.
func (c *callers) greet(ctx context.Context, conn net.Conn) {
	end := context.AfterFunc(ctx, func() { _ = conn.Close() })
	usable, err := c.admit(ctx, conn)
	if err == nil {
		timer := time.NewTimer(c.cfg.Timeout)
		defer timer.Stop()
		select {
		case c.ready <- usable:
			end()
			return
		case <-timer.C:
			err = ErrOutbindUnused
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	end()
	_ = conn.Close()
	if ctx.Err() == nil {
		c.cfg.Refused(conn.RemoteAddr(), err)
	}
}

// admit reads the outbind and nothing beyond it, within Timeout.
func (c *callers) admit(ctx context.Context, conn net.Conn) (net.Conn, error) {
	if !c.cfg.Allow(conn.RemoteAddr()) {
		return nil, fmt.Errorf("%w: address", ErrOutbindRefused)
	}
	if err := conn.SetDeadline(time.Now().Add(c.cfg.Timeout)); err != nil {
		return nil, err
	}
	if c.cfg.TLS != nil {
		secured := tls.Server(conn, c.cfg.TLS)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("smpp: TLS of an outbind: %w", err)
		}
		conn = secured
	}
	r, err := readOutbind(conn)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoOutbind, err)
	}
	if c.cfg.SystemID != "" && r.SystemID != c.cfg.SystemID {
		return nil, fmt.Errorf("%w: system_id %q", ErrOutbindRefused, r.SystemID)
	}
	if c.cfg.Password != "" && subtle.ConstantTimeCompare([]byte(r.Password), []byte(c.cfg.Password)) == 0 {
		return nil, fmt.Errorf("%w: password of %q", ErrOutbindRefused, r.SystemID)
	}
	return conn, conn.SetDeadline(time.Time{})
}

func readOutbind(r io.Reader) (OutbindRequest, error) {
	var raw [maxOutbind]byte
	if _, err := io.ReadFull(r, raw[:headerLen]); err != nil {
		return OutbindRequest{}, err
	}
	h := parseHeader(raw[:])
	if h.Command != Outbind || h.Length < headerLen || h.Length > maxOutbind {
		return OutbindRequest{}, fmt.Errorf("%v of %d octets came instead", h.Command, h.Length)
	}
	body := raw[headerLen:h.Length]
	if _, err := io.ReadFull(r, body); err != nil {
		return OutbindRequest{}, err
	}
	return DecodeOutbind(body)
}
