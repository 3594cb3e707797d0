package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
)

// missedFor is how long a text that did not arrive is worth a call.
const missedFor = 30 * 24 * time.Hour

// Calls notes that a person was told by voice what a text did not tell.
type Calls interface {
	Called(ctx context.Context, tx pgx.Tx, message, staff int64) error
}

// Missed is one text that did not reach a family, for somebody to call.
type Missed struct {
	ID      int64
	At      time.Time // when it failed
	State   string
	Reason  string
	CaseID  int64
	Ref     string
	Machine string
	Lang    text.Lang
	Number  private.Msisdn
	Body    private.Body
}

// NotReached lists the texts that did not arrive for families of the person's
// cases and for which nobody has called yet, newest first. That the list was
// read is noted with the cases on it. Pages count from 0.
func (d *Desk) NotReached(ctx context.Context, w Who, page int) (all []Missed, more bool, err error) {
	if err := w.Allow(CallFamilies); err != nil {
		return nil, false, err
	}
	page = min(max(0, page), 100)
	rows, err := d.db.Query(ctx, sqlMissed, string(w.Role), w.Establishments, w.Countries, w.StaffID, d.now().Add(-missedFor), PageSize+1, page*PageSize)
	if err != nil {
		return nil, false, fmt.Errorf("list families not reached: %w", err)
	}
	var m Missed
	var number, body []byte
	_, err = pgx.ForEachRow(rows, []any{&m.ID, &m.At, &m.State, &m.Reason, &m.CaseID, &m.Ref, &m.Machine, &m.Lang, &number, &body}, func() error {
		raw, err1 := d.keys.Open("message", "number_sealed", m.ID, number)
		said, err2 := d.keys.Open("message", "body_sealed", m.ID, body)
		m.Number, m.Body = private.StoredMsisdn(string(raw)), private.NewBody(string(said))
		all = append(all, m)
		return errors.Join(err1, err2)
	})
	if err != nil {
		return nil, false, fmt.Errorf("list families not reached: %w", err)
	}
	if len(all) > PageSize {
		all, more = all[:PageSize], true
	}
	cases := make([]int64, len(all))
	for i, m := range all {
		cases[i] = m.CaseID
	}
	err = d.note(ctx, w.Actor(), casework.Entry{Action: "missed.read", ObjectKind: "staff", ObjectID: w.StaffID, Detail: map[string]any{"cases": cases}})
	return all, more, err
}

// Called takes a text off the list: the person has told the family.
func (d *Desk) Called(ctx context.Context, w Who, nonce string, calls Calls, id int64) error {
	if err := w.Allow(CallFamilies); err != nil {
		return err
	}
	_, err := d.book.Do(ctx, w.Command("message.called", nonce), nil, func(ctx context.Context, tx *casework.Tx) error {
		var caseID int64
		var machine string
		err := tx.QueryRow(ctx, sqlMissedCase, string(w.Role), w.Establishments, w.Countries, w.StaffID, id).Scan(&caseID, &machine)
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.NotFound("message.unknown", nil)
		}
		if err != nil {
			return fmt.Errorf("find text %d: %w", id, err)
		}
		if err := calls.Called(ctx, tx.Tx, id, w.StaffID); err != nil {
			return err
		}
		tx.Audit(casework.Entry{Action: "message.called", ObjectKind: machine, ObjectID: caseID, Detail: map[string]any{"message": id}})
		return nil
	})
	return err
}
