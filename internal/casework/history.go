package casework

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Querier reads: a pool, or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Happening is one line of a case's history: a move, or another audited act.
type Happening struct {
	At      time.Time
	Action  string // "permit_request.grant"
	Event   Event  // "" when the case did not move
	From    State
	To      State
	Actor   Actor
	Channel string
	Reason  string
	Note    string // staff only
	Detail  map[string]any
}

// historyLimit bounds what one page shows; nothing lives through more.
const historyLimit = 500

// History gives all that happened to a case, oldest first, moves and reads
// and other acts together.
func History(ctx context.Context, db Querier, caseID int64) ([]Happening, error) {
	rows, err := db.Query(ctx, sqlHistory, caseID, historyLimit)
	if err != nil {
		return nil, fmt.Errorf("history of case %d: %w", caseID, err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Happening, error) {
		var h Happening
		err := row.Scan(&h.At, &h.Action, &h.Event, &h.From, &h.To, &h.Actor.Kind, &h.Actor.ID, &h.Actor.Role,
			&h.Actor.OnBehalfOf, &h.Channel, &h.Reason, &h.Note, &h.Detail)
		return h, err
	})
	if err != nil {
		return nil, fmt.Errorf("history of case %d: %w", caseID, err)
	}
	return all, nil
}
