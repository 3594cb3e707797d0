package smpp

import (
	"context"
	"fmt"
)

// Submit sends m (submit_sm or data_sm from an ESME; deliver_sm or data_sm
// from an SMSC) and waits for the answer; it waits for room in the window
// first. To an ESME of SMPP 3.3 m goes without its TLVs. A refusal is both in
// the result and, as a Status, the error. With any other error Unknown tells
// whether the peer may have accepted m.
//
// When ctx ends after the message was handed to the link, the outcome is
// unknown, and the answer, if it comes, goes to LateResponder.
func (s *Session) Submit(ctx context.Context, m ShortMessage) (SubmitResult, error) {
	r, err := s.send(ctx, &m, nil)
	if err != nil {
		return SubmitResult{Ref: m.Ref}, err
	}
	select {
	case <-r.wait:
		return s.taken(r)
	case <-ctx.Done():
	}
	s.mu.Lock()
	if !r.settled {
		r.given = true
		seq := r.seq
		s.mu.Unlock()
		return SubmitResult{Seq: seq, Ref: m.Ref}, fmt.Errorf("%w: %w", ErrTimeout, ctx.Err())
	}
	s.mu.Unlock()
	<-r.wait
	return s.taken(r)
}

// SubmitAsync is Submit without the waiting: it returns once m stands in
// order to be written, and done is then called exactly once, before Done is
// closed. Calls of done are made one at a time and must not block. With an
// error nothing was sent and done is not called.
func (s *Session) SubmitAsync(ctx context.Context, m ShortMessage, done func(SubmitResult, error)) error {
	if done == nil {
		done = func(SubmitResult, error) {}
	}
	_, err := s.send(ctx, &m, done)
	return err
}

// taken is the outcome of a settled request, which is then free for another.
func (s *Session) taken(r *request) (SubmitResult, error) {
	o := r.out
	s.mu.Lock()
	s.pending.recycle(r)
	s.mu.Unlock()
	return o.result, o.err
}

// send takes a slot of the window and queues m.
func (s *Session) send(ctx context.Context, m *ShortMessage, done func(SubmitResult, error)) (*request, error) {
	select {
	case s.slots <- struct{}{}:
	default:
		select {
		case s.slots <- struct{}{}:
		case <-s.closing:
			return nil, ErrClosed
		case <-s.ended:
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrNotSent, ctx.Err())
		}
	}
	r, err := s.enqueue(m, done)
	if err != nil {
		<-s.slots
		return nil, err
	}
	s.wakeWriter()
	return r, nil
}

func (s *Session) enqueue(m *ShortMessage, done func(SubmitResult, error)) (*request, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return nil, ErrClosed
	}
	if !mayRequest(s.state, m.Command, s.side) {
		return nil, fmt.Errorf("%w: %v on a %v session", ErrNotSent, m.Command, s.state)
	}
	if s.side == sideSMSC && s.version < 0x34 {
		m.TLVs = nil // [SMPP 3.4 §3.4.2]
	}
	seq := s.pending.nextSeq()
	start := len(s.out)
	var err error
	if s.out, err = AppendMessage(s.out, seq, m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	if n := len(s.out) - start; n > s.cfg.MaxPDU {
		s.out = s.out[:start]
		return nil, fmt.Errorf("%w: PDU of %d octets", ErrNotSent, n)
	}
	r := s.pending.newRequest()
	r.seq, r.expect, r.ref, r.done = seq, m.Command.Response(), m.Ref, done
	s.accountFor(start)
	r.end = s.queued
	s.pending.add(r)
	return r, nil
}

// accountFor counts and traces what was appended to out since start.
// Session.mu is held.
func (s *Session) accountFor(start int) {
	s.queued += uint64(len(s.out) - start)
	if s.cfg.Tracer != nil {
		s.trace(Out, parseHeader(s.out[start:]), s.out[start+headerLen:])
	}
}

// answered settles the request that a response belongs to.
func (s *Session) answered(h Header, body []byte) {
	s.mu.Lock()
	r := s.pending.match(h.Command, h.Seq)
	if r == nil || r.given {
		s.answeredLate(r, h, body) // releases mu
		return
	}
	reply := Reply{}
	if h.Command != GenericNack {
		reply = s.decoder.reply(body)
	}
	result := SubmitResult{MessageID: reply.MessageID, Status: h.Status, Seq: h.Seq, TLVs: reply.TLVs}
	s.settle(r, result, statusError(h))
	s.mu.Unlock()
}

// statusError is nil for an acceptance. A generic_nack is never one.
func statusError(h Header) error {
	switch {
	case h.Status != StatusOK:
		return h.Status
	case h.Command == GenericNack:
		return ErrUnknown
	}
	return nil
}

func (s *Session) answeredLate(r *request, h Header, body []byte) {
	var late lateRequest
	ok := r != nil
	if ok {
		late = lateRequest{r.expect, r.ref}
		s.settle(r, SubmitResult{}, nil)
	} else {
		late, ok = s.pending.takeLate(h.Command, h.Seq)
	}
	s.mu.Unlock()
	responder, wanted := s.handler.(LateResponder)
	if !ok {
		s.problem(fmt.Errorf("smpp: %v %d answers no request", h.Command, h.Seq))
		return
	}
	if !wanted {
		return
	}
	reply := DecodeReply(body)
	l := LateResponse{Command: h.Command, Seq: h.Seq, Ref: late.ref, Status: h.Status, MessageID: reply.MessageID, TLVs: reply.TLVs}
	s.work.add(lateTask{s, responder, l})
}
