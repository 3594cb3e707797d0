package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
)

// Line is one text as the case page shows it.
type Line struct {
	ID        int64
	At        time.Time
	Key       text.Key
	Lang      text.Lang
	Parts     int16
	Operator  string
	State     State // the least happy of its parts: queued, in_doubt, accepted, delivered, or a failure
	Reason    string
	Code      *int32
	Accepted  *time.Time // by the operator
	Delivered *time.Time // to the handset
	CaseID    int64
	AccountID int64
}

// ForCase lists the texts of a case, newest first.
func (o *Outbox) ForCase(ctx context.Context, caseID int64) ([]Line, error) {
	rows, err := o.cfg.DB.Query(ctx, sqlForCase, caseID)
	if err != nil {
		return nil, fmt.Errorf("texts of case %d: %w", caseID, err)
	}
	return collectLines(rows)
}

// NotReached lists texts of the last 30 days that will not arrive and for
// which nobody has called yet, newest first.
func (o *Outbox) NotReached(ctx context.Context, limit int) ([]Line, error) {
	rows, err := o.cfg.DB.Query(ctx, sqlNotReached, o.cfg.Now().AddDate(0, 0, -30), limit)
	if err != nil {
		return nil, fmt.Errorf("people not reached: %w", err)
	}
	return collectLines(rows)
}

func collectLines(rows pgx.Rows) ([]Line, error) {
	lines, err := pgx.CollectRows(rows, pgx.RowToStructByName[Line])
	if err != nil {
		return nil, fmt.Errorf("read texts: %w", err)
	}
	return lines, nil
}

// Body reveals what a text said. The caller answers for the reader's right to
// it and for the trace of the reading.
func (o *Outbox) Body(ctx context.Context, id int64) (private.Body, error) {
	var sealed []byte
	if err := o.cfg.DB.QueryRow(ctx, sqlBody, id).Scan(&sealed); err != nil {
		return private.Body{}, fault.NotFound("message.unknown", nil).With(err)
	}
	plain, err := o.cfg.Vault.Open("message", "body_sealed", id, sealed)
	if err != nil {
		return private.Body{}, fmt.Errorf("open text %d: %w", id, err)
	}
	return private.NewBody(string(plain)), nil
}

// Called notes in tx that a member of staff has told the person by voice.
func (o *Outbox) Called(ctx context.Context, tx pgx.Tx, id, staff int64) error {
	tag, err := tx.Exec(ctx, sqlCalled, id, o.cfg.Now(), staff)
	if err != nil {
		return fmt.Errorf("note the call for text %d: %w", id, err)
	}
	if tag.RowsAffected() == 0 {
		return fault.Conflict("message.already_called", nil)
	}
	return nil
}
