package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// A plan is kept for long. One made while the tables were nearly empty would read them whole for ever after. With these a
// few rows are looked up by an index, one after the other, and nothing is planned twice: over a year of months, planning
// costs more than the rest.
const sqlByIndex = `
select set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
    set_config('plan_cache_mode', 'force_generic_plan', true)`

// ByIndex begins a batch, one transaction of its own, of statements that each
// look up a few rows by an index.
func ByIndex() *pgx.Batch {
	b := &pgx.Batch{}
	b.Queue(sqlByIndex)
	return b
}

// GoByIndex is ByIndex for what follows in tx.
func GoByIndex(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, sqlByIndex); err != nil {
		return fmt.Errorf("prefer indexes: %w", err)
	}
	return nil
}
