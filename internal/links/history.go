package links

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Totals gives what each operator has done since then, all its binds together.
func (s *Store) Totals(ctx context.Context, since time.Time) (map[string]Minute, error) {
	rows, err := s.db.Query(ctx, sqlTotals, since)
	if err != nil {
		return nil, fmt.Errorf("links: totals: %w", err)
	}
	all := map[string]Minute{}
	m := Minute{Minute: since}
	if _, err := pgx.ForEachRow(rows, counted(&m), func() error { all[m.Operator] = m; return nil }); err != nil {
		return nil, fmt.Errorf("links: totals: %w", err)
	}
	return all, nil
}

// Hours lists what an operator did by the hour since then, oldest first, all
// its binds together; hours without anything are left out.
func (s *Store) Hours(ctx context.Context, operator string, since time.Time) ([]Minute, error) {
	rows, err := s.db.Query(ctx, sqlHours, operator, since)
	if err != nil {
		return nil, fmt.Errorf("links: hours of %s: %w", operator, err)
	}
	var list []Minute
	var m Minute
	if _, err := pgx.ForEachRow(rows, append([]any{&m.Minute}, counted(&m)...), func() error { list = append(list, m); return nil }); err != nil {
		return nil, fmt.Errorf("links: hours of %s: %w", operator, err)
	}
	return list, nil
}

// counted is where the columns of sums go.
func counted(m *Minute) []any {
	return []any{
		&m.Operator, &m.Submitted, &m.Sent, &m.Throttled, &m.Temporary, &m.Rejected, &m.Unknown, &m.Delivered, &m.Undelivered,
		&m.Inbound, &m.USSD, &m.ResponseMS,
	}
}
