package casework

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Sync writes the moves of machines into the table that every transition
// refers to. A move once allowed stays: cases of an older version finish by
// the rules they began with.
func Sync(ctx context.Context, db Transactor, machines ...Machine) error {
	var names, froms, events, tos []string
	var versions []int32
	var human, reason []bool
	for _, m := range machines {
		if m.Name == "" || m.Version < 1 || len(m.Rules) == 0 {
			return fmt.Errorf("machine %q: want a name, a version and rules", m.Name)
		}
		for _, r := range m.Rules {
			names, versions = append(names, m.Name), append(versions, int32(m.Version))
			froms, events, tos = append(froms, string(r.From)), append(events, string(r.Event)), append(tos, string(r.To))
			human, reason = append(human, r.HumanOnly), append(reason, r.NeedsReason)
		}
	}
	return db.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlSync, names, versions, froms, events, tos, human, reason); err != nil {
			return fmt.Errorf("store the allowed moves: %w", err)
		}
		var name, from, event string
		rows, err := tx.Query(ctx, sqlSyncDiffers, names, versions, froms, events, tos, human, reason)
		if err != nil {
			return fmt.Errorf("compare the allowed moves: %w", err)
		}
		_, err = pgx.ForEachRow(rows, []any{&name, &from, &event}, func() error {
			return fmt.Errorf("machine %s: %s from %q has changed: raise the machine's version", name, event, from)
		})
		return err
	})
}
