package smpp

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// read is the one reader. It never runs the application's code and waits for
// nothing but the link.
func (s *Session) read() {
	frames := NewFrameReader(ear{s}, s.cfg.MaxPDU)
	frames.partial, frames.deadline = s.cfg.ReadTimeout, s.conn.SetReadDeadline
	for {
		h, body, err := frames.Next()
		if errors.Is(err, ErrFrame) {
			s.respondLast(GenericNack, ErrInvCmdLen, h.Seq, err)
			_, _ = io.Copy(io.Discard, s.conn)
		}
		if err != nil {
			s.fail(fmt.Errorf("smpp: read: %w", err))
			return
		}
		if s.cfg.Tracer != nil {
			s.trace(In, h, body)
		}
		if h.Command.IsResponse() {
			s.response(h, body)
		} else {
			s.request(h, body)
		}
		if !frames.ready() || s.full.Load() {
			s.settled()
		}
		for s.full.Load() {
			select {
			case <-s.room:
			case <-s.ended:
				return
			}
		}
	}
}

// ear reads from the peer and notes when it was heard.
type ear struct{ s *Session }

func (e ear) Read(b []byte) (int, error) {
	n, err := e.s.conn.Read(b)
	if n > 0 {
		e.s.lastIn.Store(int64(e.s.clock()))
		e.s.heard.Add(1)
	}
	return n, err
}

func (s *Session) response(h Header, body []byte) {
	switch h.Command {
	case SubmitSMResp, DeliverSMResp, DataSMResp:
		s.lastMsg.Store(s.lastIn.Load())
		s.answered(h, body)
	case GenericNack:
		if !s.bindAnswered(h, nil) {
			s.answered(h, nil)
		}
	case BindTransceiverResp, BindTransmitterResp, BindReceiverResp:
		if !s.bindAnswered(h, body) {
			s.problem(fmt.Errorf("smpp: %v %d answers no bind", h.Command, h.Seq))
		}
	case UnbindResp:
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.state == StateUnbinding {
			select {
			case <-s.unbound:
			default:
				close(s.unbound)
			}
		}
	case EnquireLinkResp: // any PDU is a sign of life
	default:
		s.problem(fmt.Errorf("smpp: %v was not asked for", h.Command))
	}
}

func (s *Session) request(h Header, body []byte) {
	switch c := h.Command; {
	case c == EnquireLink:
		s.respond(c, StatusOK, h.Seq, Reply{})
	case c == Unbind:
		s.peerUnbinds(h.Seq)
	case c.isBind():
		s.peerBinds(h, body)
	case c.isMessage():
		s.message(h, body)
	case c == AlertNotification:
		s.alert(body)
	case c.isOperation():
		s.operate(h, body)
	case c == Outbind: // has no response, and means nothing on a session
		s.problem(errors.New("smpp: outbind dropped: it begins a session"))
	default:
		s.respond(GenericNack, ErrInvCmdID, h.Seq, Reply{})
	}
}

// far is the side of the peer.
func (s *Session) far() side { return sideBoth &^ s.side }

func (s *Session) message(h Header, body []byte) {
	s.lastMsg.Store(s.lastIn.Load())
	if state := s.State(); !mayRequest(state, h.Command, s.far()) {
		s.respond(h.Command, s.refusal(state), h.Seq, Reply{})
		return
	}
	m, err := s.decoder.message(h.Command, body)
	m.Seq = h.Seq
	if err != nil {
		s.problem(err)
		s.respond(h.Command, s.statusOf(err), h.Seq, Reply{})
		return
	}
	if !s.isClosing() && s.handler != nil && s.offer(m) {
		return
	}
	s.respond(h.Command, s.cfg.BusyStatus, h.Seq, Reply{})
}

// refusal answers what may not be asked in a state. What meets our unbind on
// the way was in order when it was sent: it is asked for again, or the peer
// would drop it for good.
func (s *Session) refusal(state State) Status {
	if state == StateUnbinding {
		return s.cfg.BusyStatus
	}
	return ErrInvBndSts
}

func (s *Session) alert(body []byte) {
	a, err := decodeAlert(body)
	if state := s.State(); err == nil && !mayRequest(state, AlertNotification, s.far()) {
		err = fmt.Errorf("on a session that is %v: %w", state, ErrInvBndSts)
	}
	if err != nil {
		s.problem(fmt.Errorf("smpp: alert_notification dropped: %w", err))
		return
	}
	if h, ok := s.handler.(AlertHandler); ok {
		s.work.offer(alertTask{s, h, a})
	}
}

func decodeAlert(body []byte) (Alert, error) {
	c := newCursor(body)
	a := Alert{Source: c.address(sourceAddr), ESME: c.address(esmeAddr)}
	if c.err != nil {
		return a, c.err
	}
	var err error
	a.TLVs, err = decodeTLVs(append([]byte(nil), body[c.pos:]...))
	return a, err
}

// statusOf is what an error answers the peer.
func (s *Session) statusOf(err error) Status {
	if err == nil {
		return StatusOK
	}
	if status, ok := errors.AsType[Status](err); ok {
		return status
	}
	return s.cfg.ErrorStatus
}

type messageTask struct {
	s *Session
	m ShortMessage
}

func (s *Session) offer(m ShortMessage) bool {
	var t *messageTask
	select {
	case t = <-s.tasks:
	default:
		t = &messageTask{s: s}
	}
	t.m = m
	return s.work.offer(t)
}

func (t *messageTask) run() {
	s, m := t.s, t.m
	t.m = ShortMessage{}
	select {
	case s.tasks <- t:
	default:
	}
	if s.ctx.Err() != nil {
		return // unanswered, so that the peer sends it again
	}
	reply, err := s.handler.Message(s.ctx, s, m)
	if err != nil {
		s.problem(fmt.Errorf("smpp: handle %v: %w", m.Command, err))
	}
	s.respond(m.Command, s.statusOf(err), m.Seq, reply)
	if reply.Then != nil {
		reply.Then()
	}
}

type alertTask struct {
	s *Session
	h AlertHandler
	a Alert
}

func (t alertTask) run() { t.h.Alert(t.s.ctx, t.s, t.a) }

type lateTask struct {
	s    *Session
	h    LateResponder
	late LateResponse
}

// run reports the answer even when the link has gone since.
func (t lateTask) run() { t.h.LateResponse(context.WithoutCancel(t.s.ctx), t.s, t.late) }
