package smsc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wasl-sms/wasl/smpp"
)

// outcome is what became of a message, with the network's error.
type outcome struct {
	state smpp.MessageState
	err   string
}

func (o outcome) delivered() bool { return o.state == smpp.MessageDelivered }

// wantsReceipt reads registered_delivery bits 1 and 0, SMPP 3.4 §5.2.17.
func wantsReceipt(m smpp.ShortMessage, end outcome) bool {
	switch m.RegisteredDelivery & 0x03 {
	case smpp.RegisteredFinal:
		return true
	case smpp.RegisteredFailure:
		return !end.delivered()
	}
	return false
}

// receipt makes the deliver_sm of SMPP 3.4 §5.2.12 in the text form of its
// appendix B, with the parameters of §5.3.2.12 and §5.3.2.35 beside it, or as
// much of it as the form says.
func receipt(m smpp.ShortMessage, id string, end outcome, form ReceiptForm, echo bool, at time.Time) smpp.ShortMessage {
	r := smpp.ShortMessage{Command: smpp.DeliverSM, Source: m.Dest, Dest: m.Source, ESMClass: smpp.ESMClassReceipt}
	stamp := at.UTC().Format("0601021504")
	arrived := 0
	if end.delivered() {
		arrived = 1
	}
	switch form {
	case ReceiptTLV:
	case ReceiptBare:
		r.Payload = fmt.Appendf(nil, "id:%s stat:%s", id, end.state)
	default:
		r.Payload = fmt.Appendf(nil, "id:%s sub:001 dlvrd:%03d submit date:%s done date:%s stat:%s err:%s text:",
			id, arrived, stamp, stamp, end.state, end.err)
	}
	switch form {
	case ReceiptText, ReceiptBare:
	case ReceiptUnmarked:
		r.ESMClass = 0
	default:
		r.TLVs.SetString(smpp.TagReceiptedMessageID, id)
		r.TLVs.SetUint8(smpp.TagMessageState, uint8(end.state))
	}
	if ref, ok := m.TLVs.Get(smpp.TagUserMessageReference); ok && echo {
		r.TLVs.Set(smpp.TagUserMessageReference, ref)
	}
	return r
}

// onWhich finds a bind for a receipt of what b submitted.
func (s *SMSC) onWhich(b *bind, by ReceiptBind) (*bind, bool) {
	account := func(o *bind) bool { return o.account == b.account }
	switch by {
	case ReceiptSame:
		if o, ok := s.receiver(func(o *bind) bool { return o == b }); ok {
			return o, true
		}
	case ReceiptOther:
		if o, ok := s.receiver(func(o *bind) bool { return o != b && account(o) }); ok {
			return o, true
		}
	case ReceiptAny:
	}
	return s.receiver(account)
}

// sendReceipt goes to a bind of the account that submitted. One that can't be
// sent now is tried again until the application takes it or the operator closes.
func (s *SMSC) sendReceipt(ctx context.Context, from *bind, by ReceiptBind, r smpp.ShortMessage) {
	for wait := 100 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		err := ErrNoApplication
		if b, ok := s.onWhich(from, by); ok {
			c, cancel := context.WithTimeout(ctx, s.cfg.DeliverLimit)
			_, err = b.Submit(c, r)
			cancel()
			if err == nil {
				s.note(b, func(c *Counts) { c.Receipts++ })
			}
		}
		var status smpp.Status
		if err == nil || errors.As(err, &status) && !status.Temporary() {
			return
		}
		s.cfg.Log.Debug("smsc: receipt", "err", err)
		pause(ctx, wait)
	}
}
