package smsc

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// SendSMS sends a text from a handset, in parts where it is long, and returns
// when the application has answered for each. A refusal comes back as an error
// that wraps the smpp.Status.
func (s *SMSC) SendSMS(ctx context.Context, msisdn, to, text string) error {
	h, parts := s.write(msisdn, to, text)
	for i, m := range parts {
		if err := s.deliver(ctx, h, m); err != nil {
			return fmt.Errorf("part %d of %d: %w", i+1, len(parts), err)
		}
	}
	return nil
}

// Insist is SendSMS of an operator that keeps what it can't hand over: each
// part is delivered again, the same, until the application takes it. It
// returns an error only when ctx ends.
func (s *SMSC) Insist(ctx context.Context, msisdn, to, text string) error {
	h, parts := s.write(msisdn, to, text)
	for i, m := range parts {
		for wait := 5 * time.Millisecond; ; wait = min(2*wait, time.Second) {
			err := s.deliver(ctx, h, m)
			if err == nil {
				break
			}
			if pause(ctx, wait); ctx.Err() != nil {
				return fmt.Errorf("part %d of %d: %w", i+1, len(parts), err)
			}
		}
	}
	return nil
}

// write makes the deliver_sm of a handset's text.
func (s *SMSC) write(msisdn, to, text string) (*handset, []smpp.ShortMessage) {
	s.mu.Lock()
	h := s.handset(msisdn)
	h.texts++
	ref := h.texts
	s.mu.Unlock()
	parts, alphabet := gsm.Split(text, gsm.Options{Ref: ref})
	list := make([]smpp.ShortMessage, len(parts))
	for i, p := range parts {
		m := smpp.ShortMessage{
			Command:    smpp.DeliverSM,
			Source:     subscriberAddress(h.msisdn),
			Dest:       smpp.Address{Addr: to},
			DataCoding: alphabet.DataCoding(),
			Payload:    slices.Concat(p.UDH, p.Payload),
		}
		if len(p.UDH) > 0 {
			m.ESMClass = smpp.ESMClassUDHI
		}
		// The handset's own count tells the same words sent twice from one
		// message delivered twice. [SMPP 3.4 §5.3.2.17]
		m.TLVs.SetUint16(smpp.TagUserMessageReference, ref)
		list[i] = m
	}
	return h, list
}

// Repeat sends the handset's last deliver_sm again, as an operator does that
// has missed the answer: as a new PDU, or under the same sequence number on the
// same bind, where it returns once the PDU is written.
func (s *SMSC) Repeat(ctx context.Context, msisdn string, sameSequence bool) error {
	s.mu.Lock()
	h := s.handset(msisdn)
	last := h.last
	s.mu.Unlock()
	if last == nil {
		return ErrNoMessage
	}
	if !sameSequence {
		return s.deliver(ctx, h, last.m)
	}
	if err := tapOf(last.bind).again(last.seq, last.m); err != nil {
		return fmt.Errorf("smsc: repeat deliver_sm: %w", err)
	}
	return nil
}

// Inbox returns what a handset has received, oldest first.
func (s *SMSC) Inbox(msisdn string) []SMS {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.handset(msisdn).inbox)
}

// WaitSMS returns the first message in the inbox, received already or still to
// come, that want accepts.
func (s *SMSC) WaitSMS(ctx context.Context, msisdn string, want func(SMS) bool) (SMS, error) {
	for {
		s.mu.Lock()
		h := s.handset(msisdn)
		if i := slices.IndexFunc(h.inbox, want); i >= 0 {
			defer s.mu.Unlock()
			return h.inbox[i], nil
		}
		wake := h.wake
		s.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return SMS{}, fmt.Errorf("smsc: wait for a message: %w", ctx.Err())
		}
	}
}

// MarkRead takes a message out of the unread count.
func (s *SMSC) MarkRead(msisdn string, id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.handset(msisdn)
	for i := range h.inbox {
		if h.inbox[i].ID == id && !h.inbox[i].Read {
			h.inbox[i].Read = true
			s.changed(h)
		}
	}
}
