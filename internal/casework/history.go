package casework

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/fault"
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

// My lists an account's cases, newest first.
func My(ctx context.Context, db Querier, accountID int64, limit int) ([]File, error) {
	rows, err := db.Query(ctx, sqlMy, accountID, limit)
	if err != nil {
		return nil, fmt.Errorf("cases of account %d: %w", accountID, err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[File])
	if err != nil {
		return nil, fmt.Errorf("cases of account %d: %w", accountID, err)
	}
	return all, nil
}

// ByRef gives a case by its reference, without a lock: for reading only. A
// reference that no case has is NotFound.
func ByRef(ctx context.Context, db Querier, ref string) (File, error) {
	if !ValidRef(ref) {
		return File{}, fault.NotFound("case.unknown", nil)
	}
	rows, err := db.Query(ctx, sqlByRef, ref)
	if err != nil {
		return File{}, fmt.Errorf("find a case: %w", err)
	}
	f, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[File])
	if errors.Is(err, pgx.ErrNoRows) {
		return File{}, fault.NotFound("case.unknown", nil)
	}
	if err != nil {
		return File{}, fmt.Errorf("find a case: %w", err)
	}
	return f, nil
}
