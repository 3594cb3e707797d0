package smsc

import (
	"context"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
	"github.com/wasl-sms/wasl/ussd"
)

// link is the operator's end of every bind.
type link struct{ *SMSC }

var _ smpp.Handler = link{}

func (s *SMSC) authenticate(_ context.Context, b smpp.BindRequest) smpp.Status {
	password, known := s.cfg.Accounts[b.SystemID]
	if !known {
		return smpp.ErrInvSysID
	}
	if subtle.ConstantTimeCompare([]byte(password), []byte(b.Password)) != 1 {
		return smpp.ErrInvPaswd
	}
	return smpp.StatusOK
}

func (s *SMSC) bound(b *smpp.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.binds = append(s.binds, b)
}

func (s *SMSC) unbound(b *smpp.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.binds = slices.DeleteFunc(s.binds, func(o *smpp.Session) bool { return o == b })
}

// receiver picks the next bind, in turn, that takes deliver_sm: of one account,
// or of any where systemID is empty.
func (s *SMSC) receiver(systemID string) (*smpp.Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range s.binds {
		s.turn++
		b := s.binds[s.turn%len(s.binds)]
		if b.Mode() != smpp.Transmitter && (systemID == "" || systemID == b.PeerSystemID()) {
			return b, true
		}
	}
	return nil, false
}

// sent is the last deliver_sm of a handset, kept to be repeated.
type sent struct {
	bind *smpp.Session
	m    smpp.ShortMessage
	seq  uint32
}

// deliver sends a handset's message to the application and waits for its
// answer; a status other than zero comes back as the error.
func (s *SMSC) deliver(ctx context.Context, h *handset, m smpp.ShortMessage) error {
	b, ok := s.receiver("")
	if !ok {
		return ErrNoApplication
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.DeliverLimit)
	defer cancel()
	r, err := b.Submit(ctx, m)
	s.mu.Lock()
	h.last = &sent{b, m, r.Seq}
	s.mu.Unlock()
	if err != nil {
		return fmt.Errorf("smsc: deliver_sm: %w", err)
	}
	return nil
}

// Message takes a submit_sm or data_sm from an application.
func (l link) Message(_ context.Context, b *smpp.Session, m smpp.ShortMessage) (smpp.Reply, error) {
	if err := l.refusal(); err != nil {
		return smpp.Reply{}, err
	}
	id := l.messageID()
	op, dialogue := m.TLVs.Uint(smpp.TagUSSDServiceOp)
	if dialogue {
		if err := l.page(m, ussd.Op(op)); err != nil {
			return smpp.Reply{}, err
		}
	}
	if err := l.ledger.add(l.entry(b, m, id, byte(op))); err != nil {
		l.cfg.Log.Error("smsc: message refused", "err", err)
		return smpp.Reply{}, smpp.ErrSysErr
	}
	f := l.strike()
	if !dialogue {
		l.arrive(b, m, id, f)
	}
	if f.loseResponse {
		tapOf(b).lose(id)
	}
	if f.drop {
		_ = tapOf(b).Close() // the session notices by itself
	}
	return smpp.Reply{MessageID: id}, nil
}

func (s *SMSC) entry(b *smpp.Session, m smpp.ShortMessage, id string, op byte) Accepted {
	text := m.Payload
	if _, t, err := m.SplitUDH(); err == nil {
		text = t
	}
	// What is binary has no text; the octets stand in Payload.
	decoded, _ := gsm.Decode(m.DataCoding, text)
	return Accepted{
		ID: id, At: s.cfg.Now(), SystemID: b.PeerSystemID(),
		Source: m.Source.Addr, Dest: m.Dest.Addr, Op: op,
		DataCoding: m.DataCoding, ESMClass: m.ESMClass,
		Payload: slices.Clone(m.Payload), Text: decoded,
	}
}

// subscriberAddress is an international E.164 number, SMPP 3.4 §5.2.5 and §5.2.6.
func subscriberAddress(msisdn string) smpp.Address {
	return smpp.Address{TON: 1, NPI: 1, Addr: strings.TrimPrefix(msisdn, "+")}
}
