package outbox

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/private"
)

// scanTaken reads the rows a commit took and makes them ready for the wire. A
// row that can't be opened is settled as refused, so that it stops no other.
func (o *Outbox) scanTaken(rows pgx.Rows, now time.Time) (t taken, err error) {
	var (
		p                part
		no, class, total int16
		state, form      string
		number, body     []byte
	)
	into := []any{&p.ID, &p.message, &no, &class, &state, &p.attempt, &p.retries, &p.redelivered, &p.expires, &p.home, &form, &total, &number, &body}
	_, err = pgx.ForEachRow(rows, into, func() error {
		one := p
		one.Class, one.Form, one.No, one.Total = message.Class(class), Form(form), uint8(no), uint8(total)
		t.rows++
		if State(state) == TimedOut {
			t.expired = append(t.expired, one.Class)
			return nil
		}
		if err := o.prepare(&one, number, body); err != nil {
			t.unreadable = append(t.unreadable, settlement{id: one.ID, attempt: one.attempt, to: Refused, due: now, reason: "unreadable"})
			o.cfg.Metrics.unreadable()
			return nil //nolint:nilerr // settled as refused
		}
		one.Validity = one.expires.Sub(now)
		t.parts = append(t.parts, &one)
		return nil
	})
	if err != nil {
		return taken{}, fmt.Errorf("outbox: read parts: %w", err)
	}
	inOrder(t.parts)
	return t, nil
}

// prepare opens the number and the body and cuts out the part. The cut is the
// same each time: it depends on the stored text and its id alone.
func (o *Outbox) prepare(p *part, number, body []byte) error {
	to, err := o.cfg.Vault.Open("message", "number_sealed", p.message, number)
	if err != nil {
		return fmt.Errorf("outbox: open number: %w", err)
	}
	plain, err := o.cfg.Vault.Open("message", "body_sealed", p.message, body)
	if err != nil {
		return fmt.Errorf("outbox: open body: %w", err)
	}
	p.Ref = uint16(p.message)
	parts, alphabet := p.Form.cut(string(plain), p.Ref)
	if len(parts) != int(p.Total) || p.No < 1 || p.No > p.Total {
		return fmt.Errorf("outbox: %d parts where %d were promised", len(parts), p.Total)
	}
	cut := parts[p.No-1]
	p.To = private.StoredMsisdn(string(to))
	p.Alphabet, p.UDH, p.Payload = alphabet, cut.UDH, cut.Payload
	p.Reference = reference16(p.message, p.No)
	return nil
}

// reference16 is what comes back in receipts: it differs for parts of texts
// promised one after the other, also where they have several. The database
// works it out in the same way.
func reference16(message int64, no uint8) uint16 { return uint16(message + int64(no-1)*40503) }
