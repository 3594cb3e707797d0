package smpp

import (
	"context"
	"fmt"
	"net"
)

// Bind opens a session as an ESME on a connection that the caller has made,
// and owns the connection from then on. A refusal is returned as a Status.
func Bind(ctx context.Context, conn net.Conn, req BindRequest, cfg SessionConfig, h Handler) (*Session, error) {
	s := newSession(ctx, conn, sideESME, cfg, h)
	s.mode = req.Mode
	s.bindSeq = s.pending.nextSeq()
	var err error
	if s.out, err = AppendBind(s.out, s.bindSeq, req); err != nil {
		_ = conn.Close()
		return nil, err
	}
	s.accountFor(0)
	s.wakeWriter()
	go s.run()
	select {
	case o := <-s.bound:
		err = o.err
	case <-s.ended:
		err = s.endOfBind()
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		s.fail(err)
		<-s.done
		return nil, fmt.Errorf("smpp: bind: %w", err)
	}
	return s, nil
}

// endOfBind is the outcome of a bind whose link has ended: a refusal often
// comes just before that, and must not be taken for a lost link.
func (s *Session) endOfBind() error {
	select {
	case o := <-s.bound:
		return o.err
	default:
	}
	if err := s.Err(); err != nil {
		return err
	}
	return ErrClosed
}

// bindAnswered takes the answer to our bind, on the reader, so that what
// follows it in the stream already finds the session bound.
func (s *Session) bindAnswered(h Header, body []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != StateOpen || s.side != sideESME || s.bindSeq == 0 || h.Seq != s.bindSeq {
		return false
	}
	if h.Command != GenericNack && h.Command != s.mode.command().Response() {
		return false
	}
	err := statusError(h)
	if err == nil {
		s.peer = decodeBindResp(h, body)
		version, _ := DecodeReply(body).TLVs.Uint(TagSCInterfaceVersion) // a bind_resp is laid out alike
		s.version = uint8(version)
		s.state = boundState(s.mode)
	}
	s.bound <- outcome{err: err}
	s.bindSeq = 0 // Bind waits for one answer: bound holds no more
	signal(s.recheck)
	return true
}

// serverHooks is what a session on the SMSC side asks its server.
type serverHooks struct {
	systemID string
	auth     func(context.Context, BindRequest) Status
	onBind   func(*Session)
}

// peerBinds answers a bind, asking Auth apart from the reader.
func (s *Session) peerBinds(h Header, body []byte) {
	s.mu.Lock()
	state, busy := s.state, s.asked
	s.asked = true
	s.mu.Unlock()
	switch {
	case s.side == sideESME:
		s.respond(h.Command, ErrInvBndSts, h.Seq, Reply{})
		return
	case busy || state != StateOpen:
		s.respond(h.Command, ErrAlyBnd, h.Seq, Reply{})
		return
	}
	req, err := DecodeBind(h, body)
	if err != nil {
		s.problem(err)
		s.respondLast(h.Command, s.statusOf(err), h.Seq, err)
		return
	}
	req.RemoteAddr = s.conn.RemoteAddr()
	s.loops.Go(func() { s.admit(h.Seq, req) })
}

func (s *Session) admit(seq uint32, req BindRequest) {
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.BindTimeout)
	defer cancel()
	status := ErrBindFail
	if s.hooks.auth != nil {
		status = s.hooks.auth(ctx, req)
	}
	s.mu.Lock()
	if s.state != StateOpen {
		s.mu.Unlock()
		return
	}
	start := len(s.out)
	out, err := AppendBindResp(s.out, seq, req, s.hooks.systemID, status)
	if err != nil {
		s.mu.Unlock()
		s.fail(err)
		return
	}
	s.out = out
	s.accountFor(start)
	if status == StatusOK {
		s.mode, s.peer, s.version, s.state = req.Mode, req.SystemID, req.InterfaceVersion, boundState(req.Mode)
	} else if s.hangup == nil {
		s.hangup = fmt.Errorf("smpp: bind of %q refused: %w", req.SystemID, status)
	}
	s.mu.Unlock()
	// Before the peer hears of it: what it does next finds the session known.
	if status == StatusOK && s.hooks.onBind != nil {
		s.hooks.onBind(s)
	}
	s.wakeWriter()
	signal(s.recheck)
}
