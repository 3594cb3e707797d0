package outbox

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/private"
)

// scanParts reads claimed rows and makes them ready for the wire. A row that
// can't be opened is settled as refused, so that it stops no other.
func (o *Outbox) scanParts(rows pgx.Rows, now time.Time) (parts []*part, unreadable []settlement, err error) {
	var (
		p            part
		class, total int16
		form         string
		number, body []byte
	)
	into := []any{&p.ID, &p.message, &p.no, &class, &p.attempt, &p.retries, &p.expires, &form, &total, &number, &body}
	_, err = pgx.ForEachRow(rows, into, func() error {
		one := p
		one.Class, one.Form, one.claimed = message.Class(class), Form(form), now
		if err := o.prepare(&one, int(total), number, body); err != nil {
			unreadable = append(unreadable, settlement{
				id: one.ID, attempt: one.attempt, from: Claimed, to: Refused, due: now, reason: "unreadable",
			})
			o.cfg.Metrics.unreadable()
			return nil //nolint:nilerr // settled as refused
		}
		one.Validity = one.expires.Sub(now)
		parts = append(parts, &one)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("outbox: read claimed parts: %w", err)
	}
	slices.SortFunc(parts, func(a, b *part) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.ID, b.ID))
	})
	return parts, unreadable, nil
}

// prepare opens the number and the body and cuts out the part. The cut is the
// same each time: it depends on the stored text and its id alone.
func (o *Outbox) prepare(p *part, total int, number, body []byte) error {
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
	if len(parts) != total || int(p.no) > total {
		return fmt.Errorf("outbox: %d parts where %d were promised", len(parts), total)
	}
	cut := parts[p.no-1]
	p.To = private.StoredMsisdn(string(to))
	p.Alphabet, p.UDH, p.Payload = alphabet, cut.UDH, cut.Payload
	p.Total, p.No = uint8(total), uint8(p.no)
	p.Reference = uint16(p.ID)
	return nil
}
