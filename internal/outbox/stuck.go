package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Overdue is how long after its write a part's answer, or after its arrival a
// receipt's part, is counted as missing: Stuck.
const Overdue = time.Minute

// Stuck tells how many parts of each operator have been in doubt, and how many
// receipts have named no part, for longer than Overdue.
type Stuck struct {
	InDoubt  map[string]int64
	Receipts int64
}

// Stuck counts what is stuck.
func (o *Outbox) Stuck(ctx context.Context) (Stuck, error) {
	s := Stuck{InDoubt: map[string]int64{}}
	since := o.cfg.Now().Add(-Overdue)
	b := &pgx.Batch{}
	b.Queue(sqlLongInDoubt, since).Query(func(rows pgx.Rows) error {
		var operator string
		var n int64
		_, err := pgx.ForEachRow(rows, []any{&operator, &n}, func() error { s.InDoubt[operator] = n; return nil })
		return err
	})
	b.Queue(sqlLongParked, since).QueryRow(func(row pgx.Row) error { return row.Scan(&s.Receipts) })
	if err := o.cfg.DB.SendBatch(ctx, b).Close(); err != nil {
		return s, fmt.Errorf("outbox: count what is stuck: %w", err)
	}
	return s, nil
}
