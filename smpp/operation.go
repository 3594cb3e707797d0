package smpp

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
)

// What an ESME may ask of an SMSC beside sending texts. A client of ours
// never does; a Server hands each to the part of its Handler that knows it,
// and otherwise answers ESME_RINVCMDID in the response of that very request.
// Each method is called as Handler.Message is, and its error answered so.

// QueryHandler is an optional part of a Handler on the SMSC's side.
type QueryHandler interface {
	Query(ctx context.Context, s *Session, q Query) (QueryResult, error)
}

// CancelHandler is an optional part of a Handler on the SMSC's side.
type CancelHandler interface {
	Cancel(ctx context.Context, s *Session, c Cancel) error
}

// ReplaceHandler is an optional part of a Handler on the SMSC's side.
type ReplaceHandler interface {
	Replace(ctx context.Context, s *Session, r Replace) error
}

// MultiHandler is an optional part of a Handler on the SMSC's side.
type MultiHandler interface {
	SubmitMulti(ctx context.Context, s *Session, m Multi) (MultiResult, error)
}

// Query is a query_sm. [SMPP 3.4 §4.8.1]
type Query struct {
	MessageID string
	Source    Address
}

// QueryResult is a query_sm_resp. [SMPP 3.4 §4.8.2]
type QueryResult struct {
	MessageID string
	FinalDate string // as SMPP 3.4 §7.1.1 has it; empty before the final state
	State     MessageState
	ErrorCode uint8
}

// Cancel is a cancel_sm. Without MessageID it means all messages of
// ServiceType from Source to Dest. [SMPP 3.4 §4.9.1]
type Cancel struct {
	ServiceType, MessageID string
	Source, Dest           Address
}

// Replace is a replace_sm. It never prints its payload. [SMPP 3.4 §4.10.1]
type Replace struct {
	MessageID                        string
	Source                           Address
	ScheduleDelivery, ValidityPeriod string
	RegisteredDelivery, DefaultMsgID uint8
	Payload                          []byte
}

// String is safe to log.
func (r Replace) String() string {
	return fmt.Sprintf("replace_sm %s %v, %d octets", r.MessageID, r.Source, len(r.Payload))
}

// Format keeps every verb safe to log.
func (r Replace) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, r.String()) }

// LogValue is safe to log.
func (r Replace) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Multi is a submit_multi: Message without Dest, for each of Dests.
// [SMPP 3.4 §4.5.1]
type Multi struct {
	Message ShortMessage
	Dests   []Destination
}

// Destination is an address or the name of a distribution list.
type Destination struct {
	Address Address
	List    string
}

// MultiResult is a submit_multi_resp. [SMPP 3.4 §4.5.2]
type MultiResult struct {
	MessageID string
	Failed    []Unreached
}

// Unreached is a destination that was not accepted, and why.
type Unreached struct {
	Dest   Address
	Status Status
}

// DecodeQuery reads the body of a query_sm.
func DecodeQuery(body []byte) (Query, error) {
	c := newCursor(body)
	q := Query{MessageID: c.cstring(messageID), Source: c.address(sourceAddr)}
	return q, c.err
}

// DecodeCancel reads the body of a cancel_sm.
func DecodeCancel(body []byte) (Cancel, error) {
	c := newCursor(body)
	q := Cancel{
		ServiceType: c.cstring(serviceTypeIn), MessageID: c.cstring(messageID),
		Source: c.address(sourceAddr), Dest: c.address(destinationAddr),
	}
	return q, c.err
}

// DecodeReplace reads the body of a replace_sm, which shares no memory with
// body.
func DecodeReplace(body []byte) (Replace, error) {
	c := newCursor(body)
	r := Replace{
		MessageID: c.cstring(messageID), Source: c.address(sourceAddr),
		ScheduleDelivery: c.cstring(scheduleTime), ValidityPeriod: c.cstring(validityPeriod),
		RegisteredDelivery: c.octet("registered_delivery"), DefaultMsgID: c.octet("sm_default_msg_id"),
	}
	n := int(c.octet("sm_length"))
	if c.err == nil && n > len(body)-c.pos {
		c.err = &FieldError{"short_message", "is shorter than sm_length", ErrInvMsgLen}
	}
	if c.err != nil {
		return r, c.err
	}
	r.Payload = bytes.Clone(body[c.pos : c.pos+n])
	return r, nil
}

// DecodeMulti reads the body of a submit_multi, which shares no memory with
// body. What is not about its destinations is laid out as in submit_sm.
func DecodeMulti(body []byte) (Multi, error) {
	var m Multi
	c := newCursor(body)
	c.cstring(serviceTypeIn)
	c.address(sourceAddr)
	head := c.pos
	count := int(c.octet("number_of_dests"))
	if c.err == nil && count == 0 {
		c.err = &FieldError{"number_of_dests", "is 0", ErrInvNumDests}
	}
	for range count {
		var d Destination
		switch c.octet("dest_flag") {
		case 1:
			d.Address = c.address(destinationAddr)
		case 2:
			d.List = c.cstring(field{"dl_name", 21, ErrInvDLName})
		default:
			if c.err == nil {
				c.err = &FieldError{"dest_flag", "is neither 1 nor 2", ErrInvDestFlag}
			}
		}
		if c.err != nil {
			return m, c.err
		}
		m.Dests = append(m.Dests, d)
	}
	if c.err != nil {
		return m, c.err
	}
	const noDest = "\x00\x00\x00"
	single := append(append(bytes.Clone(body[:head]), noDest...), body[c.pos:]...)
	var err error
	m.Message, err = DecodeMessage(SubmitSM, single)
	m.Message.Command = SubmitMulti
	return m, err
}

func (r QueryResult) append(b []byte) ([]byte, error) {
	b, err := appendCString(b, messageID, r.MessageID)
	if err == nil {
		b, err = appendCString(b, field{"final_date", 17, ErrSysErr}, r.FinalDate)
	}
	return append(b, uint8(r.State), r.ErrorCode), err
}

func (r MultiResult) append(b []byte) ([]byte, error) {
	b, err := appendCString(b, messageID, r.MessageID)
	if err == nil && len(r.Failed) > 255 {
		err = &FieldError{"no_unsuccess", "is more than 255", ErrSysErr}
	}
	b = append(b, uint8(len(r.Failed)))
	for _, f := range r.Failed {
		if err == nil {
			b, err = appendCString(append(b, f.Dest.TON, f.Dest.NPI), destinationAddr, f.Dest.Addr)
		}
		b = binary.BigEndian.AppendUint32(b, uint32(f.Status))
	}
	return b, err
}

// operate answers query_sm, cancel_sm, replace_sm and submit_multi.
func (s *Session) operate(h Header, body []byte) {
	s.lastMsg.Store(s.lastIn.Load())
	if state := s.State(); !mayRequest(state, h.Command, s.far()) {
		s.respond(h.Command, s.refusal(state), h.Seq, Reply{})
		return
	}
	run, err := s.operation(h.Command, body)
	switch {
	case err != nil:
		s.problem(err)
		s.respond(h.Command, s.statusOf(err), h.Seq, Reply{})
	case run == nil:
		s.respond(h.Command, ErrInvCmdID, h.Seq, Reply{})
	case s.isClosing() || !s.work.offer(operationTask{s, h, run}):
		s.respond(h.Command, s.cfg.BusyStatus, h.Seq, Reply{})
	}
}

// result is the body of a response.
type result interface {
	append(b []byte) ([]byte, error)
}

// operation decodes a request and yields what answers it: a function that
// gives the body of the response, nil where it has none, or no function where
// the Handler knows no such request.
func (s *Session) operation(command Command, body []byte) (run func() (result, error), err error) {
	ctx := s.ctx
	switch command {
	case QuerySM:
		q, err := DecodeQuery(body)
		if h, ok := s.handler.(QueryHandler); ok && err == nil {
			run = func() (result, error) { return h.Query(ctx, s, q) }
		}
		return run, err
	case SubmitMulti:
		m, err := DecodeMulti(body)
		if h, ok := s.handler.(MultiHandler); ok && err == nil {
			run = func() (result, error) { return h.SubmitMulti(ctx, s, m) }
		}
		return run, err
	case CancelSM:
		c, err := DecodeCancel(body)
		if h, ok := s.handler.(CancelHandler); ok && err == nil {
			run = func() (result, error) { return nil, h.Cancel(ctx, s, c) }
		}
		return run, err
	default:
		r, err := DecodeReplace(body)
		if h, ok := s.handler.(ReplaceHandler); ok && err == nil {
			run = func() (result, error) { return nil, h.Replace(ctx, s, r) }
		}
		return run, err
	}
}

type operationTask struct {
	s      *Session
	h      Header
	answer func() (result, error)
}

func (t operationTask) run() {
	s := t.s
	if s.ctx.Err() != nil {
		return
	}
	body, err := t.answer()
	if err != nil {
		s.problem(fmt.Errorf("smpp: handle %v: %w", t.h.Command, err))
		s.respond(t.h.Command, s.statusOf(err), t.h.Seq, Reply{})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	start := len(s.out)
	s.out = AppendHeader(s.out, t.h.Command.Response(), StatusOK, t.h.Seq)
	if body != nil {
		s.out, err = body.append(s.out)
	}
	if err != nil { // of our own making: the request is not to blame
		s.problem(fmt.Errorf("smpp: answer %v: %w", t.h.Command, err))
		s.out = AppendHeader(s.out[:start], t.h.Command.Response(), ErrSysErr, t.h.Seq)
	}
	s.out = finish(s.out, start)
	s.answerQueued(start)
}
