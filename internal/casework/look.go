package casework

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/fault"
)

// Look gives a case by id without locking it.
func Look(ctx context.Context, db Querier, id int64) (File, error) {
	rows, err := db.Query(ctx, sqlLook, id)
	if err != nil {
		return File{}, fmt.Errorf("look at case %d: %w", id, err)
	}
	f, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[File])
	if errors.Is(err, pgx.ErrNoRows) {
		return File{}, fault.NotFound("case.unknown", nil)
	}
	if err != nil {
		return File{}, fmt.Errorf("look at case %d: %w", id, err)
	}
	return f, nil
}
