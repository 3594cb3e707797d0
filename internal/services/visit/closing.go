package visit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
)

// Closing shuts a day of an establishment, or one occurrence of it.
type Closing struct {
	EstablishmentID int64
	Day             time.Time
	Occurrence      int64 // 0: the whole day
	Reason          string
	Note            string
}

// Affects tells what a closing would do.
type Affects struct {
	Occurrences int
	Visits      int
	Families    int
}

// ClosePreview counts who would be told.
func (s *Service) ClosePreview(ctx context.Context, c Closing) (Affects, error) {
	var a Affects
	err := s.db.QueryRow(ctx, sqlClosePreview, c.EstablishmentID, c.Day, c.Occurrence).Scan(&a.Occurrences, &a.Visits, &a.Families)
	if err != nil {
		return a, fmt.Errorf("preview a closing: %w", err)
	}
	return a, nil
}

// Close stops booking at once and lists the visits that have to be cancelled;
// RunClosures does that, one transaction each. It gives the closure's id.
func (s *Service) Close(ctx context.Context, cmd casework.Command, c Closing) (int64, error) {
	var id int64
	err := s.do(ctx, cmd, "visit.close", &id, func(ctx context.Context, tx *casework.Tx) error {
		rows, err := tx.Query(ctx, sqlLockToClose, c.EstablishmentID, c.Day, c.Occurrence)
		if err != nil {
			return fmt.Errorf("lock occurrences: %w", err)
		}
		occurrences, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return fmt.Errorf("lock occurrences: %w", err)
		}
		if c.Occurrence != 0 && len(occurrences) == 0 {
			return fault.NotFound("visit.unknown_slot", nil)
		}
		var one *int64
		if c.Occurrence != 0 {
			one = &c.Occurrence
		}
		by := tx.Command().Actor.ID
		err = tx.QueryRow(ctx, sqlInsertClosure, c.EstablishmentID, c.Day, one, c.Reason, c.Note, by, tx.Now()).Scan(&id)
		if err != nil {
			return fmt.Errorf("record the closing: %w", err)
		}
		batch := &pgx.Batch{}
		batch.Queue(sqlCloseOccurrences, occurrences, tx.Now(), by, c.Reason)
		batch.Queue(sqlListToClose, id, occurrences)
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("close occurrences: %w", err)
		}
		tx.Audit(casework.Entry{Action: "visit.close_day", ObjectKind: "closure", ObjectID: id, Reason: c.Reason, Note: c.Note})
		return nil
	})
	return id, err
}

// Closure is a closing and how far it has got.
type Closure struct {
	ID              int64
	EstablishmentID int64
	Day             time.Time
	Occurrence      *int64
	Reason          string
	ByStaff         int64
	At              time.Time
	FinishedAt      *time.Time
	Total, Done     int
}

// Closure gives one closing with its progress.
func (s *Service) Closure(ctx context.Context, id int64) (Closure, error) {
	rows, err := s.db.Query(ctx, sqlClosure, id)
	if err != nil {
		return Closure{}, fmt.Errorf("read closure %d: %w", id, err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Closure])
	if errors.Is(err, pgx.ErrNoRows) {
		return c, fault.NotFound("visit.unknown_closure", nil)
	}
	if err != nil {
		return c, fmt.Errorf("read closure %d: %w", id, err)
	}
	return c, nil
}

// Closures lists the last closings of an establishment.
func (s *Service) Closures(ctx context.Context, establishmentID int64) ([]Closure, error) {
	rows, err := s.db.Query(ctx, sqlClosures, establishmentID)
	if err != nil {
		return nil, fmt.Errorf("list closures: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Closure])
	if err != nil {
		return nil, fmt.Errorf("list closures: %w", err)
	}
	return all, nil
}

// RunClosures goes on with every closing that is not finished. Each visit is
// cancelled in its own transaction under its own key, so that a crash in
// between tells nobody twice and forgets nobody.
func (s *Service) RunClosures(ctx context.Context) error {
	for {
		rows, err := s.db.Query(ctx, sqlClosureWork)
		if err != nil {
			return fmt.Errorf("list visits to close: %w", err)
		}
		work, err := pgx.CollectRows(rows, pgx.RowToStructByPos[closureVisit])
		if err != nil {
			return fmt.Errorf("list visits to close: %w", err)
		}
		for _, w := range work {
			if err := s.closeOne(ctx, w); err != nil {
				return fmt.Errorf("closure %d, visit %d: %w", w.Closure, w.Visit, err)
			}
		}
		if len(work) == 0 {
			if _, err := s.db.Exec(ctx, sqlFinishClosures, s.now()); err != nil {
				return fmt.Errorf("finish closures: %w", err)
			}
			return nil
		}
	}
}

type closureVisit struct {
	Closure, Visit int64
	Reason         string
}

func (s *Service) closeOne(ctx context.Context, w closureVisit) error {
	v, h, err := s.before(ctx, w.Visit)
	if err != nil {
		return err
	}
	ask := v.ask()
	ask.Replaces = v.ID // its right comes back
	var next []Slot
	if Open(v.State) {
		if next, err = s.free(ctx, h, ask, offers); err != nil {
			return err
		}
	}
	cmd := casework.Command{
		Actor:   casework.Actor{Kind: casework.Job, Role: "visit.close"},
		Channel: "job", Key: fmt.Sprintf("closure/%d/%d", w.Closure, w.Visit),
	}
	return s.do(ctx, cmd, "visit.close_one", nil, func(ctx context.Context, tx *casework.Tx) error {
		if _, err := tx.Exec(ctx, sqlClosedOne, w.Closure, w.Visit, tx.Now()); err != nil {
			return fmt.Errorf("mark as told: %w", err)
		}
		v, _, err := s.take(ctx, tx, v)
		if err != nil {
			return err
		}
		if !Open(v.State) { // cancelled meanwhile by someone else
			return nil
		}
		return s.callOff(ctx, tx, h, v, Cancellation{Side: ByHouse, Reason: w.Reason}, next)
	})
}
