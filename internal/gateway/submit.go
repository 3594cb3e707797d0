package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// link takes parts to one session.
type link struct {
	b    *bind
	s    *smpp.Session
	lane outbox.Lane
}

var _ outbox.Link = link{}

// sentPart finds the part again when its answer comes late.
type sentPart struct {
	lane outbox.Lane
	part outbox.Part
}

// Send implements outbox.Link.
func (l link) Send(ctx context.Context, p outbox.Part, done func(outbox.Answer)) {
	op, began := l.b.op.now(), l.b.g.cfg.Now()
	m := op.shortMessage(p, began)
	m.Ref = sentPart{l.lane, p}
	err := l.s.SubmitAsync(ctx, m, func(r smpp.SubmitResult, err error) {
		a := op.answer(r, err)
		l.b.answered(a, began)
		done(a)
	})
	switch {
	case err == nil:
	case errors.Is(err, smpp.ErrClosed), ctx.Err() != nil, !l.s.State().Bound():
		done(outbox.Answer{Outcome: outbox.NotSent})
	default: // it can't be put on the wire at all
		done(outbox.Answer{Outcome: outbox.Rejected, Code: int32(smpp.ErrInvMsgLen)})
	}
}

// answered takes note of what became of a part.
func (b *bind) answered(a outbox.Answer, began time.Time) {
	now := b.g.cfg.Now()
	b.health.saw(a.Outcome, now)
	if a.Outcome == outbox.NotSent {
		return
	}
	b.tally.answered(now, a, now.Sub(began))
	if a.Outcome != outbox.Unknown {
		b.g.cfg.Metrics.answered(b, now.Sub(began))
	}
}

// answer is what an operator's answer means for a part.
func (o *Operator) answer(r smpp.SubmitResult, err error) outbox.Answer {
	var status smpp.Status
	switch {
	case err == nil:
		return outbox.Answer{Outcome: outbox.Sent, ID: o.IDInResponse.normal(r.MessageID)}
	case smpp.Unknown(err):
		return outbox.Answer{Outcome: outbox.Unknown}
	case !errors.As(err, &status):
		return outbox.Answer{Outcome: outbox.NotSent}
	case o.slower(status):
		return outbox.Answer{Outcome: outbox.Throttled, Code: int32(status)}
	case o.later(status):
		return outbox.Answer{Outcome: outbox.Temporary, Code: int32(status)}
	}
	return outbox.Answer{Outcome: outbox.Rejected, Code: int32(status)}
}

// shortMessage puts a part into the operator's form.
func (o *Operator) shortMessage(p outbox.Part, now time.Time) smpp.ShortMessage {
	m := smpp.ShortMessage{
		Command: smpp.SubmitSM, ServiceType: o.ServiceType,
		Source: o.source(),
		Dest: smpp.Address{
			TON: orDefault(o.DestTON, smpp.TONInternational), NPI: orDefault(o.DestNPI, smpp.NPIISDN),
			Addr: o.DestForm.write(p.To.Raw()),
		},
		RegisteredDelivery: orDefault(o.RegisteredDelivery, smpp.RegisteredFinal),
		ValidityPeriod:     o.Validity.write(p.Validity, now),
	}
	if o.Priority {
		m.PriorityFlag = priority(p.Class)
	}
	if p.Alphabet == gsm.UCS2 {
		m.DataCoding, m.Payload = orDefault(o.CodingUCS2, gsm.UCS2.DataCoding()), p.Payload
	} else {
		m.DataCoding, m.Payload = orDefault(o.CodingGSM7, o.Alphabet.dataCoding()), o.Alphabet.recode(p.Payload)
	}
	o.place(&m, p)
	if !o.NoReference {
		m.TLVs.SetUint16(smpp.TagUserMessageReference, p.Reference)
	}
	for _, extra := range o.Parameters {
		m.TLVs.Set(smpp.Tag(extra.Tag), extra.value)
	}
	return m
}

// place says which part of a longer text m is.
func (o *Operator) place(m *smpp.ShortMessage, p outbox.Part) {
	switch {
	case p.Form == outbox.Payload:
		m.UsePayloadTLV = !fitsOne(p)
	case p.Total < 2:
	case p.Form == outbox.SAR:
		m.TLVs.SetSAR(p.Ref, p.Total, p.No)
	default:
		m.ESMClass |= smpp.ESMClassUDHI
		m.Payload = append(append(make([]byte, 0, len(p.UDH)+len(m.Payload)), p.UDH...), m.Payload...)
	}
}

// fitsOne reports whether the part is no longer than one short message on air.
func fitsOne(p outbox.Part) bool {
	if p.Alphabet == gsm.UCS2 {
		return len(p.Payload) <= 140
	}
	return len(p.Payload) <= 160
}

// priority is the priority_flag of a text. [SMPP 3.4 §5.2.14]
func priority(c message.Class) uint8 {
	switch c {
	case message.Code:
		return 3
	case message.Gate:
		return 2
	case message.Decision:
		return 1
	default:
		return 0
	}
}

// source is the sender's address. A name is alphanumeric, a long number
// international, a short one belongs to the operator's network.
func (o *Operator) source() smpp.Address {
	a := smpp.Address{Addr: strings.TrimPrefix(o.Sender, "+")}
	switch {
	case strings.Trim(a.Addr, "0123456789") != "":
		a.TON, a.NPI = smpp.TONAlphanumeric, smpp.NPIUnknown
	case len(a.Addr) > 8:
		a.TON, a.NPI = smpp.TONInternational, smpp.NPIISDN
	default:
		a.TON, a.NPI = smpp.TONShortCode, smpp.NPIUnknown
	}
	a.TON, a.NPI = orDefault(o.SenderTON, a.TON), orDefault(o.SenderNPI, a.NPI)
	return a
}

// write tells when a text with that time left is worth nothing any more.
// [SMPP 3.4 §7.1.1]
func (v Validity) write(left time.Duration, now time.Time) string {
	left = min(max(left, time.Minute), 30*24*time.Hour)
	switch v {
	case Absolute:
		return now.Add(left).UTC().Format("060102150405") + "000+"
	case NoValidity:
		return ""
	default:
		s := int(left / time.Second)
		return fmt.Sprintf("0000%02d%02d%02d%02d000R", s/86400, s/3600%24, s/60%60, s%60)
	}
}

func orDefault(v *uint8, def uint8) uint8 {
	if v != nil {
		return *v
	}
	return def
}
