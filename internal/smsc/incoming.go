package smsc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// arrive takes one part of an SMS to its handset and sees to its receipt.
func (s *SMSC) arrive(b *smpp.Session, m smpp.ShortMessage, id string, f fault) {
	state := s.accept(m, id)
	if f.noReceipt || !wantsReceipt(m, state) {
		return
	}
	r := receipt(m, id, state, s.cfg.Now())
	if f.receiptFirst {
		s.sendReceipt(s.ctx, b.PeerSystemID(), r)
		return
	}
	s.spawn(func(ctx context.Context) {
		t := time.NewTimer(f.receiptDelay)
		defer t.Stop()
		select {
		case <-t.C:
			s.sendReceipt(ctx, b.PeerSystemID(), r)
		case <-ctx.Done():
		}
	})
}

// accept puts a part into the handset's memory where the network finds it.
func (s *SMSC) accept(m smpp.ShortMessage, id string) Subscriber {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.handsets[canonical(m.Dest.Addr)]
	if h == nil {
		if !s.cfg.AnyNumber {
			return Unknown
		}
		h = s.handset(m.Dest.Addr)
	}
	if h.subscriber != Reachable {
		return h.subscriber
	}
	segment := segmentOf(m)
	key := gsm.KeyOf(m.Source.Addr, h.msisdn, segment.Concat)
	s.parts[key] = append(s.parts[key], id)
	for _, j := range s.joiner.Add(m.Source.Addr, h.msisdn, segment) {
		ids := s.parts[j.Key]
		delete(s.parts, j.Key)
		text, _, err := gsm.Join(j.Segments)
		if err != nil {
			s.cfg.Log.Debug("smsc: text of a message", "err", err)
		}
		h.receive(SMS{
			From: j.Key.Source, Text: text, Parts: len(j.Segments),
			Alphabet: alphabet(j.Segments[0].DataCoding), At: s.cfg.Now(), IDs: ids,
		})
	}
	s.changed(h)
	return Reachable
}

// segmentOf finds the part's place in its message: in the user data header or
// in the sar_ parameters (SMPP 3.4 §5.3.2.22 to §5.3.2.24). What can't be read
// is shown as a message of its own.
func segmentOf(m smpp.ShortMessage) gsm.Segment {
	seg := gsm.Segment{DataCoding: m.DataCoding, Payload: m.Payload}
	if udh, text, err := m.SplitUDH(); err == nil {
		if c, l, err := gsm.ParseHeader(udh); err == nil {
			seg.Concat, seg.Language = c, l
		}
		seg.Payload = text
	}
	ref, _ := m.TLVs.Uint(smpp.TagSARMsgRefNum)
	total, _ := m.TLVs.Uint(smpp.TagSARTotalSegments)
	seq, _ := m.TLVs.Uint(smpp.TagSARSegmentSeqnum)
	if total > 1 && total <= 255 && seq >= 1 && seq <= total {
		seg.Concat = gsm.Concat{Ref: uint16(ref), Wide: true, Total: uint8(total), Seq: uint8(seq)}
	}
	return seg
}

// alphabet names a data_coding for the phone's page (SMPP 3.4 §5.2.19).
func alphabet(dataCoding uint8) string {
	switch dataCoding {
	case 0x00, 0x0F:
		return gsm.GSM7.String()
	case 0x08, 0x48:
		return gsm.UCS2.String()
	case 0x01, 0x03:
		return "Latin-1"
	}
	return "binary"
}

// wantsReceipt reads registered_delivery bits 1 and 0, SMPP 3.4 §5.2.17.
func wantsReceipt(m smpp.ShortMessage, state Subscriber) bool {
	switch m.RegisteredDelivery & 0x03 {
	case smpp.RegisteredFinal:
		return true
	case smpp.RegisteredFailure:
		return state != Reachable
	}
	return false
}

// receipt makes the deliver_sm of SMPP 3.4 §5.2.12 in the text form of its
// appendix B, with the parameters of §5.3.2.12 and §5.3.2.35 beside it.
func receipt(m smpp.ShortMessage, id string, state Subscriber, at time.Time) smpp.ShortMessage {
	word, code, delivered := "DELIVRD", smpp.MessageDelivered, 1
	if state != Reachable {
		word, code, delivered = "UNDELIV", smpp.MessageUndeliverable, 0
	}
	stamp := at.UTC().Format("0601021504")
	text := fmt.Sprintf("id:%s sub:001 dlvrd:%03d submit date:%s done date:%s stat:%s err:%s text:",
		id, delivered, stamp, stamp, word, state.mapError())
	r := smpp.ShortMessage{
		Command:  smpp.DeliverSM,
		Source:   m.Dest,
		Dest:     m.Source,
		ESMClass: smpp.ESMClassReceipt,
		Payload:  []byte(text),
	}
	r.TLVs.SetString(smpp.TagReceiptedMessageID, id)
	r.TLVs.SetUint8(smpp.TagMessageState, uint8(code))
	return r
}

// sendReceipt goes to any bind of the account that submitted. One that can't be
// sent now is tried again until the application takes it or the operator closes.
func (s *SMSC) sendReceipt(ctx context.Context, systemID string, r smpp.ShortMessage) {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := ErrNoApplication
		if b, ok := s.receiver(systemID); ok {
			c, cancel := context.WithTimeout(ctx, s.cfg.DeliverLimit)
			_, err = b.Submit(c, r)
			cancel()
		}
		var status smpp.Status
		if err == nil || errors.As(err, &status) && !status.Temporary() {
			return
		}
		s.cfg.Log.Debug("smsc: receipt", "err", err)
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}
