package outbox

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/private"
)

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
