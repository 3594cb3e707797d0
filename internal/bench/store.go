package bench

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const sqlUnanswered = `select count(*) from message_part where state in ('queued', 'in_doubt')`

// Unanswered counts the parts whose answer the database does not have yet.
func Unanswered(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
},
) (n int, err error) {
	if err := db.QueryRow(ctx, sqlUnanswered).Scan(&n); err != nil {
		return 0, fmt.Errorf("bench: count parts: %w", err)
	}
	return n, nil
}
