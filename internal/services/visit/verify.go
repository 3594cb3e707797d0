package visit

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// VerifyCounters counts again what the database keeps count of: places, heads,
// pools, weekly rights and permit uses, the state of each visit against its
// case, and visits to come without a permit. An error names every difference.
func VerifyCounters(ctx context.Context, db interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
},
) error {
	rows, err := db.Query(ctx, sqlVerify)
	if err != nil {
		return fmt.Errorf("verify counters: %w", err)
	}
	var wrong []error
	var what string
	var id, kept, counted int64
	_, err = pgx.ForEachRow(rows, []any{&what, &id, &kept, &counted}, func() error {
		wrong = append(wrong, fmt.Errorf("%s of %d: kept %d, counted %d", what, id, kept, counted))
		return nil
	})
	if err != nil {
		return fmt.Errorf("verify counters: %w", err)
	}
	return errors.Join(wrong...)
}
