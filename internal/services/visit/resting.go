package visit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/text"
)

// Resting finds the visits to come that rest on a permit, before the
// transaction that will suspend or revoke it, and gives what cancels them in
// that transaction, ahead of the permit's move. It is a Conflict when another
// visit was booked meanwhile.
func (s *Service) Resting(ctx context.Context, permitID int64) (callOff func(context.Context, *casework.Tx) error, err error) {
	visits, err := s.read(ctx, s.db, sqlLiveOfPermit, permitID)
	if err != nil {
		return nil, err
	}
	houses := map[int64]house{}
	for _, v := range visits {
		if _, ok := houses[v.EstablishmentID]; ok {
			continue
		}
		if houses[v.EstablishmentID], err = s.house(ctx, v.EstablishmentID); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context, tx *casework.Tx) error {
		for _, v := range visits {
			c := Cancellation{Side: ByHouse, Reason: "permit"}
			if err := s.callOff(ctx, tx, houses[v.EstablishmentID], v, c, nil); err != nil {
				return err
			}
		}
		left, err := s.read(ctx, tx, sqlLiveOfPermit, permitID)
		if err != nil {
			return err
		}
		if len(left) > 0 {
			return fault.Conflict("case.changed", nil)
		}
		return nil
	}, nil
}

// Flag marks a visit with something that staff have to look at. The same
// source flags a visit once.
type Flag struct {
	Kind       string // "transferred", "released", "court", "hospital", "ban", "alert"
	Source     string // the event's own key
	BlocksGate bool
	Useless    bool      // the trip would be for nothing: the family is told at once
	Until      time.Time // visits that begin later are left alone; zero: none are
}

// FlagDetainee flags every visit to come of a detainee in the transaction of
// the event, which has locked the detainee. It gives how many there were.
func (s *Service) FlagDetainee(ctx context.Context, tx *casework.Tx, detaineeID int64, f Flag) (int, error) {
	visits, err := s.read(ctx, tx, sqlLiveOfDetainee, detaineeID)
	if err != nil {
		return 0, err
	}
	visits = slices.DeleteFunc(visits, func(v Visit) bool { return !f.Until.IsZero() && v.Starts.After(f.Until) })
	if len(visits) == 0 {
		return 0, nil
	}
	rows, err := tx.Query(ctx, sqlFlag, ids(visits), f.Kind, f.Source, f.BlocksGate, tx.Now())
	if err != nil {
		return 0, fmt.Errorf("flag visits: %w", err)
	}
	flagged, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return 0, fmt.Errorf("flag visits: %w", err)
	}
	for _, v := range visits {
		if !slices.Contains(flagged, v.ID) {
			continue
		}
		tx.Audit(casework.Entry{Action: "visit.flag", ObjectKind: "visit", ObjectID: v.ID, Reason: f.Kind})
		if f.Useless {
			tx.Tell(message.Outbound{
				Account: v.AccountID, CaseID: v.ID, Class: message.Decision, Dedupe: f.Source, Expires: v.Ends,
				Line: text.L("visit.sms.wait", text.Params{"ref": text.Ref(v.Ref)}),
			})
		}
	}
	return len(visits), nil
}

// Unflag settles the flags of a visit: kept, moved or cancelled.
func (s *Service) Unflag(ctx context.Context, cmd casework.Command, visitID int64, how string) error {
	return s.do(ctx, cmd, "visit.unflag", nil, func(ctx context.Context, tx *casework.Tx) error {
		if _, err := tx.Exec(ctx, sqlUnflag, visitID, how, cmd.Actor.ID, tx.Now()); err != nil {
			return fmt.Errorf("settle flags of visit %d: %w", visitID, err)
		}
		tx.Audit(casework.Entry{Action: "visit.unflag", ObjectKind: "visit", ObjectID: visitID, Reason: how})
		return nil
	})
}

func ids(visits []Visit) []int64 {
	out := make([]int64, len(visits))
	for i, v := range visits {
		out[i] = v.ID
	}
	return out
}

// read lists visits by a statement of this package.
func (s *Service) read(ctx context.Context, q querier, sql string, args ...any) ([]Visit, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("list visits: %w", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByName[Visit])
	if err != nil {
		return nil, fmt.Errorf("list visits: %w", err)
	}
	return out, nil
}
