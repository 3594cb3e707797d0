package smsc

import (
	"context"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// arrive takes one part of an SMS to its handset and sees to its receipts.
func (s *SMSC) arrive(b *bind, m smpp.ShortMessage, id, receiptID string, f fault) {
	end := outcome{smpp.MessageDelivered, Reachable.mapError()}
	if f.undelivered != "" {
		end = outcome{smpp.MessageUndeliverable, f.undelivered}
	} else if state := s.accept(m, id); state != Reachable {
		end = outcome{smpp.MessageUndeliverable, state.mapError()}
	}
	due := !f.noReceipt && wantsReceipt(m, end)
	p := s.depart(b, m, id, end, !due)
	if !due {
		return
	}
	at := s.cfg.Now()
	send := func(ctx context.Context) {
		end, m := s.conclude(p)
		if !wantsReceipt(m, end) { // it was replaced by one that wants none
			return
		}
		r := receipt(m, receiptID, end, f.form, f.echo, at)
		all := []smpp.ShortMessage{r}
		if f.receiptTwice {
			all = append(all, r)
		}
		if f.lateEnroute {
			all = append(all, receipt(m, receiptID, outcome{smpp.MessageEnroute, "000"}, f.form, f.echo, at))
		}
		for _, r := range all {
			s.sendReceipt(ctx, b, f.by, r)
		}
	}
	if f.receiptFirst {
		send(s.ctx)
		return
	}
	later := func(ctx context.Context) {
		pause(ctx, f.receiptDelay)
		send(ctx)
	}
	if !s.gather(b, later) {
		s.spawn(later)
	}
}

// gather keeps a receipt back where they are to go in reverse, and lets them
// go when there are enough.
func (s *SMSC) gather(b *bind, send func(context.Context)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.towards(b.account, b.place)
	if c.faults.ReceiptReverse == 0 {
		return false
	}
	c.held = append(c.held, send)
	if len(c.held) >= c.faults.ReceiptReverse {
		s.release(c)
	}
	return true
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
			Alphabet: gsm.AlphabetOf(j.Segments[0].DataCoding), At: s.cfg.Now(), IDs: ids,
		})
	}
	s.changed(h)
	return Reachable
}

// segmentOf finds the part's place in its message: in the user data header or
// in the sar_ parameters. What can't be read is shown as a message of its own.
func segmentOf(m smpp.ShortMessage) gsm.Segment {
	seg := gsm.Segment{DataCoding: m.DataCoding, Payload: m.Payload}
	if udh, text, err := m.SplitUDH(); err == nil {
		if c, l, err := gsm.ParseHeader(udh); err == nil {
			seg.Concat, seg.Language = c, l
		}
		seg.Payload = text
	}
	if ref, total, seq, ok := m.TLVs.SAR(); ok && total > 1 {
		seg.Concat = gsm.Concat{Ref: ref, Wide: true, Total: total, Seq: seq}
	}
	return seg
}
