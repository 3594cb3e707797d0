package gateway

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"

	"github.com/wasl-sms/wasl/internal/inbox"
	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// handler takes what one bind's sessions receive.
type handler struct{ b *bind }

var (
	_ smpp.Handler       = handler{}
	_ smpp.LateResponder = handler{}
)

// Message implements smpp.Handler.
func (h handler) Message(ctx context.Context, s *smpp.Session, m smpp.ShortMessage) (smpp.Reply, error) {
	started := h.b.g.cfg.Now()
	kind := "text"
	defer func() { h.b.g.cfg.Metrics.acked(h.b, kind, h.b.g.cfg.Now().Sub(started)) }()
	if m, ok := h.b.op.now().receipt(m); ok {
		kind = "receipt"
		return smpp.Reply{}, h.receipt(ctx, m)
	}
	from, err := h.b.number(m.Source)
	if err != nil {
		// A short code or a name: a machine, and answering it could go on for ever.
		kind = "no_number"
		return smpp.Reply{}, nil
	}
	if d := h.b.dialect(); d != nil {
		if r, ok := h.step(d, m, from); ok {
			kind = "ussd"
			h.b.tally.add(started, func(m *links.Minute) { m.USSD++ })
			return smpp.Reply{Then: func() { h.answer(ctx, s, d, m, r) }}, nil
		}
	}
	h.b.tally.add(started, func(m *links.Minute) { m.Inbound++ })
	return smpp.Reply{}, h.text(ctx, m, from)
}

// number reads a subscriber's address.
func (b *bind) number(a smpp.Address) (private.Msisdn, error) {
	n, err := b.g.numbers.Parse(a.Addr, b.op.now().Region)
	if err != nil {
		return n, fmt.Errorf("gateway: source address: %w", err)
	}
	return n, nil
}

// LateResponse implements smpp.LateResponder.
func (h handler) LateResponse(ctx context.Context, _ *smpp.Session, late smpp.LateResponse) {
	sent, ok := late.Ref.(sentPart)
	if !ok || late.Status != smpp.StatusOK {
		return // a page of USSD, or a refusal: neither is sent again for it
	}
	a := h.b.op.now().answer(smpp.SubmitResult{MessageID: late.MessageID}, nil)
	if err := h.b.g.cfg.Outbox.Late(ctx, sent.lane, sent.part, a); err != nil {
		h.b.g.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "late answer not stored",
			slog.String("operator", h.b.op.name), slog.Any("error", err))
	}
}

// text hands a text, or a part of one, to the inbox.
func (h handler) text(ctx context.Context, m smpp.ShortMessage, from private.Msisdn) error {
	a := inbox.Arrival{
		Operator: h.b.op.name, From: from, To: m.Dest.Addr, DataCoding: m.DataCoding,
		Link: h.b.link(),
	}
	udh, payload, err := m.SplitUDH()
	if err != nil {
		payload = m.Payload
	}
	a.Payload = payload
	if op := h.b.op.now(); op.reads(m.DataCoding) {
		a.DataCoding = op.Alphabet.dataCoding()
	}
	// A header that contradicts itself says nothing of a longer text: the words
	// still count.
	if c, l, err := gsm.ParseHeader(udh); err == nil {
		a.Concat, a.Language = c, l
	}
	if ref, total, seq, ok := m.TLVs.SAR(); ok && !a.Concat.Multipart() {
		a.Concat = gsm.Concat{Ref: ref, Wide: true, Total: total, Seq: seq}
	}
	if mark, ok := m.TLVs.Get(smpp.TagUserMessageReference); ok {
		a.Mark = hex.EncodeToString(mark)
	}
	ctx, cancel := context.WithTimeout(ctx, h.b.g.cfg.KeepTimeout)
	defer cancel()
	if _, err := h.b.g.cfg.Inbox.Keep(ctx, a); err != nil {
		return fmt.Errorf("%w: %w", smpp.ErrRxTAppn, err)
	}
	return nil
}

// link names the present session among all of this process.
func (b *bind) link() uint64 { return b.sessions.Load()<<16 | uint64(b.place) }
