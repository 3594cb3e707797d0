package smsc

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
	"github.com/wasl-sms/wasl/ussd"
)

// link is the operator's end of every bind.
type link struct{ *SMSC }

var _ smpp.Handler = link{}

// sent is the last deliver_sm of a handset, kept to be repeated.
type sent struct {
	bind *smpp.Session
	m    smpp.ShortMessage
	seq  uint32
}

// deliver sends a handset's message to the application and waits for its
// answer; a status other than zero comes back as the error.
func (s *SMSC) deliver(ctx context.Context, h *handset, m smpp.ShortMessage) error {
	b, ok := s.receiver(func(*bind) bool { return true })
	if !ok {
		return ErrNoApplication
	}
	s.mu.Lock()
	c := s.towards(b.account, b.place)
	twice := c.strikes("twice", &c.faults.DuplicateMO)
	s.mu.Unlock()
	seq, err := s.deliverOn(ctx, b, m)
	s.mu.Lock()
	h.last = &sent{b.Session, m, seq}
	s.mu.Unlock()
	if twice {
		s.spawn(func(ctx context.Context) {
			if _, err := s.deliverOn(ctx, b, m); err != nil {
				s.cfg.Log.Debug("smsc: the same deliver_sm again", "err", err)
			}
		})
	}
	return err
}

func (s *SMSC) deliverOn(ctx context.Context, b *bind, m smpp.ShortMessage) (seq uint32, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.DeliverLimit)
	defer cancel()
	r, err := b.Submit(ctx, m)
	if err != nil {
		return r.Seq, fmt.Errorf("smsc: deliver_sm: %w", err)
	}
	s.note(b, func(c *Counts) { c.Delivered++ })
	return r.Seq, nil
}

// Message takes a submit_sm or data_sm from an application.
func (l link) Message(ctx context.Context, session *smpp.Session, m smpp.ShortMessage) (smpp.Reply, error) {
	b := l.joined(session)
	l.note(b, func(c *Counts) { c.Submitted++ })
	reply, err := l.take(b, m, l.nextID.Add(1))
	if err != nil {
		l.note(b, func(c *Counts) { c.Refused++ })
	}
	l.linger(ctx, b)
	return reply, err
}

// take accepts a message under its number, or says why not.
func (l link) take(b *bind, m smpp.ShortMessage, n uint64) (smpp.Reply, error) {
	if err := l.refusal(b); err != nil {
		return smpp.Reply{}, err
	}
	op, dialogue := m.TLVs.Uint(smpp.TagUSSDServiceOp)
	if dialogue {
		if err := l.page(m, ussd.Op(op)); err != nil {
			return smpp.Reply{}, err
		}
	}
	f := l.strike(b)
	id := f.responseID.write(n)
	if err := l.ledger.add(l.entry(b, m, id, byte(op))); err != nil {
		l.cfg.Log.Error("smsc: message refused", "err", err)
		return smpp.Reply{}, smpp.ErrSysErr
	}
	l.note(b, func(c *Counts) { c.Accepted++ })
	b.tap().mark(m.Seq, f.wire)
	if !dialogue {
		l.arrive(b, m, id, f.receiptID.write(n), f)
	}
	if f.unbind {
		_ = b.tap().unbind() // a link that is gone needs none
	}
	if f.drop {
		b.tap().cut() // the session notices by itself
	}
	return smpp.Reply{MessageID: id}, nil
}

// write is the form's way to write a message id.
func (f IDForm) write(n uint64) string {
	switch f {
	case IDHex:
		return strconv.FormatUint(n, 16)
	case IDHexUpper:
		return fmt.Sprintf("%X", n)
	case IDZeros:
		return fmt.Sprintf("%012d", n)
	default:
		return strconv.FormatUint(n, 10)
	}
}

func (s *SMSC) entry(b *bind, m smpp.ShortMessage, id string, op byte) Accepted {
	text := m.Payload
	if _, t, err := m.SplitUDH(); err == nil {
		text = t
	}
	// What is binary has no text; the octets stand in Payload.
	decoded, _ := gsm.Decode(m.DataCoding, text)
	return Accepted{
		ID: id, At: s.cfg.Now(), SystemID: b.account, Bind: b.place, Seq: m.Seq,
		Source: m.Source.Addr, Dest: m.Dest.Addr, Op: op,
		DataCoding: m.DataCoding, ESMClass: m.ESMClass,
		Payload: slices.Clone(m.Payload), Text: decoded,
	}
}

// subscriberAddress is an international E.164 number, SMPP 3.4 §5.2.5 and §5.2.6.
func subscriberAddress(msisdn string) smpp.Address {
	return smpp.Address{TON: 1, NPI: 1, Addr: strings.TrimPrefix(msisdn, "+")}
}
