package smpptest

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/smpp"
)

// Peer is a far side that does what the test says and nothing else: it
// neither answers nor asks by itself.
type Peer struct {
	t      testing.TB
	conn   net.Conn
	frames *smpp.FrameReader
}

// NewPeer speaks on conn, and closes it when the test ends.
func NewPeer(t testing.TB, conn net.Conn) *Peer {
	t.Cleanup(func() { _ = conn.Close() })
	return &Peer{t: t, conn: conn, frames: smpp.NewFrameReader(conn, 1<<20)}
}

// SMSC returns an ESME's session whose far side is a script. A nil handler
// accepts everything.
func SMSC(t testing.TB, cfg smpp.SessionConfig, h smpp.Handler) (*Peer, *smpp.Session) {
	t.Helper()
	near, far := net.Pipe()
	return SMSCOver(t, near, far, cfg, h)
}

// SMSCOver is SMSC on a link that the caller made.
func SMSCOver(t testing.TB, near, far net.Conn, cfg smpp.SessionConfig, h smpp.Handler) (*Peer, *smpp.Session) {
	t.Helper()
	if h == nil {
		h = Accept
	}
	type result struct {
		s   *smpp.Session
		err error
	}
	bound := make(chan result, 1)
	go func() {
		s, err := smpp.Bind(context.Background(), near,
			smpp.BindRequest{SystemID: "esme", InterfaceVersion: 0x34}, cfg, h)
		bound <- result{s, err}
	}()
	p := NewPeer(t, far)
	req, _ := p.Expect(smpp.BindTransceiver)
	p.Header(smpp.BindTransceiverResp, smpp.StatusOK, req.Seq)
	r := <-bound
	if r.err != nil {
		t.Fatalf("bind to the script: %v", r.err)
	}
	t.Cleanup(func() {
		_ = near.Close()
		<-r.s.Done()
	})
	return p, r.s
}

// ESME returns a script that is connected to the server, not yet bound.
func ESME(t testing.TB, server *smpp.Server) *Peer {
	t.Helper()
	near, far := net.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server.ServeConn(context.Background(), far)
	}()
	t.Cleanup(func() {
		_ = near.Close()
		<-ended
	})
	return NewPeer(t, near)
}

// Bind binds the script as a transceiver and expects to be accepted.
func (p *Peer) Bind() {
	p.t.Helper()
	b, err := smpp.AppendBind(nil, 1, smpp.BindRequest{SystemID: "esme", Password: "secret", InterfaceVersion: 0x34})
	if err != nil {
		p.t.Fatal(err)
	}
	p.Raw(b)
	if h, _ := p.Expect(smpp.BindTransceiverResp); h.Status != smpp.StatusOK {
		p.t.Fatalf("bind refused: %v", h.Status)
	}
}

// Raw sends octets.
func (p *Peer) Raw(b []byte) {
	p.t.Helper()
	if _, err := p.conn.Write(b); err != nil {
		p.t.Fatalf("peer writes: %v", err)
	}
}

// Header sends a PDU without a body.
func (p *Peer) Header(c smpp.Command, status smpp.Status, seq uint32) {
	p.t.Helper()
	p.Raw(smpp.AppendHeader(nil, c, status, seq))
}

// Message sends m.
func (p *Peer) Message(seq uint32, m smpp.ShortMessage) {
	p.t.Helper()
	b, err := smpp.AppendMessage(nil, seq, &m)
	if err != nil {
		p.t.Fatal(err)
	}
	p.Raw(b)
}

// Answer answers the request whose header was read.
func (p *Peer) Answer(request smpp.Header, status smpp.Status, id string) {
	p.t.Helper()
	b, err := smpp.AppendResponse(nil, request.Command, status, request.Seq, smpp.Reply{MessageID: id})
	if err != nil {
		p.t.Fatal(err)
	}
	p.Raw(b)
}

// Next reads one PDU.
func (p *Peer) Next() (smpp.Header, []byte) {
	p.t.Helper()
	h, body, err := p.frames.Next()
	if err != nil {
		p.t.Fatalf("peer reads: %v", err)
	}
	return h, body
}

// Expect reads one PDU, which must be c.
func (p *Peer) Expect(c smpp.Command) (smpp.Header, []byte) {
	p.t.Helper()
	h, body := p.Next()
	if h.Command != c {
		p.t.Fatalf("peer read %v with %v, want %v", h.Command, h.Status, c)
	}
	return h, body
}

// ExpectMessage reads one message, which must be c.
func (p *Peer) ExpectMessage(c smpp.Command) (smpp.Header, smpp.ShortMessage) {
	p.t.Helper()
	h, body := p.Expect(c)
	m, err := smpp.DecodeMessage(c, body)
	if err != nil {
		p.t.Fatal(err)
	}
	return h, m
}

// ExpectStatus reads one PDU, which must be c with this status.
func (p *Peer) ExpectStatus(c smpp.Command, status smpp.Status) smpp.Header {
	p.t.Helper()
	h, _ := p.Expect(c)
	if h.Status != status {
		p.t.Fatalf("peer read %v with %v, want %v", c, h.Status, status)
	}
	return h
}

// ExpectSilence checks that nothing arrives for d.
func (p *Peer) ExpectSilence(d time.Duration) {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(d))
	h, _, err := p.frames.Next()
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatalf("peer read %v, %v; want silence", h.Command, err)
	}
	_ = p.conn.SetReadDeadline(time.Time{})
}

// ExpectEnd checks that the link is closed.
func (p *Peer) ExpectEnd() {
	p.t.Helper()
	h, _, err := p.frames.Next()
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
		p.t.Fatalf("peer read %v, %v; want the end", h.Command, err)
	}
}

// Close cuts the link.
func (p *Peer) Close() { _ = p.conn.Close() }

// Drain reads until the link ends, wherever that is.
func (p *Peer) Drain() {
	for {
		if _, _, err := p.frames.Next(); err != nil {
			return
		}
	}
}
