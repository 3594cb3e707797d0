package gateway

import (
	"context"
	"fmt"
	"regexp"
	"strconv"

	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// written is a receipt's text as message centres write it. Any phone can send
// one, so more is asked of it than of a message that is marked as a receipt.
// [SMPP 3.4 appendix B]
var written = regexp.MustCompile(`(?i)^id:[!-~]{1,64} (sub:\d{1,5} )?(dlvrd:\d{1,5} )?(submit date:\d{10,14} )?` +
	`done date:\d{10,14} stat:(DELIVRD|EXPIRED|DELETED|UNDELIV|ACCEPTD|UNKNOWN|REJECTD|ENROUTE)( err:[!-~]{1,8})?( text:|$)`)

// receipt reports whether m is a receipt, and gives it marked as one.
func (o *Operator) receipt(m smpp.ShortMessage) (smpp.ShortMessage, bool) {
	if m.IsReceipt() {
		return m, true
	}
	if !o.ReceiptsByText || m.HasUDH() {
		return m, false
	}
	text, err := gsm.Decode(m.DataCoding, m.Payload)
	if err != nil || !written.MatchString(text) {
		return m, false
	}
	m.ESMClass |= smpp.ESMClassReceipt
	return m, m.IsReceipt()
}

// receipt hands a receipt to the outbox. One that can't be read is
// acknowledged: it would be no clearer the next time.
func (h handler) receipt(ctx context.Context, m smpp.ShortMessage) error {
	r, ok := smpp.ParseReceipt(m)
	if !ok {
		h.b.g.cfg.Metrics.problem(h.b)
		return nil
	}
	out := outbox.Receipt{Operator: h.b.op.name, ID: h.b.op.now().IDInReceipt.normal(r.ID)}
	switch r.State {
	case smpp.MessageDelivered:
		out.Reached = true
	case smpp.MessageExpired, smpp.MessageDeleted, smpp.MessageUndeliverable, smpp.MessageRejected, smpp.MessageSkipped:
		out.Failed = true
	default: // on its way
	}
	if code, err := strconv.ParseInt(r.Err, 10, 32); err == nil {
		v := int32(code)
		out.Code = &v
	}
	if ref, ok := m.TLVs.Uint(smpp.TagUserMessageReference); ok && ref <= 0xFFFF {
		v := uint16(ref)
		out.Reference = &v
	}
	if from, err := h.b.number(m.Source); err == nil {
		out.From = from
	}
	ctx, cancel := context.WithTimeout(ctx, h.b.g.cfg.KeepTimeout)
	defer cancel()
	if err := h.b.g.cfg.Outbox.Receive(ctx, out); err != nil {
		return fmt.Errorf("%w: %w", smpp.ErrRxTAppn, err)
	}
	h.b.tally.add(h.b.g.cfg.Now(), func(m *links.Minute) {
		switch {
		case out.Reached:
			m.Delivered++
		case out.Failed:
			m.Undelivered++
		}
	})
	return nil
}
