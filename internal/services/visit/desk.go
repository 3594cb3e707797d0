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

// Occurrence is one session of one day as the timetable shows it.
type Occurrence struct {
	ID              int64
	EstablishmentID int64
	Day             time.Time
	Starts, Ends    time.Time // in the establishment's zone
	Room            string
	Kind            string
	CapacityGroups  int
	Held            int
	Booked          int
	CapacityHeads   int
	Heads           int
	Closed          bool
	CloseReason     string
	Shut            bool // by the calendar
	Version         int
}

// Timetable lists the occurrences of seven days from a civil day.
func (s *Service) Timetable(ctx context.Context, establishmentID int64, from time.Time) ([]Occurrence, error) {
	return s.occurrences(ctx, establishmentID, sqlTimetable, establishmentID, from, from.AddDate(0, 0, 6))
}

// NextSession gives the day of the first session that has not ended and is not
// called off; ok is false when none is planned.
func (s *Service) NextSession(ctx context.Context, establishmentID int64) (day time.Time, ok bool, err error) {
	now := s.now()
	err = s.db.QueryRow(ctx, sqlNextSession, establishmentID, civil(now.UTC()).AddDate(0, 0, -1), now).Scan(&day)
	if errors.Is(err, pgx.ErrNoRows) {
		return day, false, nil
	}
	if err != nil {
		return day, false, fmt.Errorf("find the next session: %w", err)
	}
	return day, true, nil
}

func (s *Service) occurrences(ctx context.Context, establishmentID int64, sql string, args ...any) ([]Occurrence, error) {
	h, err := s.house(ctx, establishmentID)
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read timetable: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Occurrence])
	if err != nil {
		return nil, fmt.Errorf("read timetable: %w", err)
	}
	for i := range all {
		all[i].Starts, all[i].Ends = all[i].Starts.In(h.Zone), all[i].Ends.In(h.Zone)
	}
	return all, nil
}

// Detail is one occurrence with its visits and pools.
type Detail struct {
	Occurrence
	Pools  []Pool
	Visits []Listed
}

// Pool is a part of the places of an occurrence.
type Pool struct {
	Name         string
	Places, Used int
	ReleaseOn    *time.Time
}

// Listed is a visit on a list of staff. Names are for whoever may read them to look up.
type Listed struct {
	Visit
	Room     string
	Flagged  bool
	AnswerBy *time.Time // of a wish
	Guests   []ListedGuest
}

// ListedGuest is one visitor on a list.
type ListedGuest struct {
	VisitorID  int64  `json:"visitor"`
	Lead       bool   `json:"lead"`
	Age        int    `json:"age"`
	Attendance string `json:"attendance"`
	PermitRef  string `json:"permit"`
}

// OccurrenceDetail gives one occurrence whole.
func (s *Service) OccurrenceDetail(ctx context.Context, id int64) (Detail, error) {
	var house int64
	err := s.db.QueryRow(ctx, sqlHouseOfOccurrence, id).Scan(&house)
	if errors.Is(err, pgx.ErrNoRows) {
		return Detail{}, fault.NotFound("visit.unknown_slot", nil)
	}
	if err != nil {
		return Detail{}, fmt.Errorf("read occurrence %d: %w", id, err)
	}
	one, err := s.occurrences(ctx, house, sqlOccurrence, id)
	if err != nil {
		return Detail{}, err
	}
	d := Detail{Occurrence: one[0]}
	rows, err := s.db.Query(ctx, sqlPools, id)
	if err != nil {
		return d, fmt.Errorf("read pools: %w", err)
	}
	if d.Pools, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Pool]); err != nil {
		return d, fmt.Errorf("read pools: %w", err)
	}
	d.Visits, err = s.listed(ctx, sqlListedOfOccurrence, id)
	return d, err
}

// DayList gives the visits of one day in order of arrival: what the gate
// prints in the morning. The reading of it is audited.
func (s *Service) DayList(ctx context.Context, cmd casework.Command, establishmentID int64, day time.Time) ([]Listed, error) {
	all, err := s.listed(ctx, sqlListedOfDay, establishmentID, day)
	if err != nil {
		return nil, err
	}
	err = s.do(ctx, cmd, "visit.day_list", nil, func(_ context.Context, tx *casework.Tx) error {
		tx.Audit(casework.Entry{
			Action: "visit.day_list", ObjectKind: "establishment", ObjectID: establishmentID,
			Detail: map[string]any{"day": day.Format(time.DateOnly), "visits": len(all)},
		})
		return nil
	})
	return all, err
}

func (s *Service) listed(ctx context.Context, sql string, args ...any) ([]Listed, error) {
	rows, err := s.db.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("list visits: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[Listed])
	if err != nil {
		return nil, fmt.Errorf("list visits: %w", err)
	}
	return all, nil
}

// Get gives one visit for a case page.
func (s *Service) Get(ctx context.Context, id int64) (Visit, error) { return s.visit(ctx, s.db, id) }

// Mine lists an account's visits to come, the next one first.
func (s *Service) Mine(ctx context.Context, account int64) ([]Visit, error) {
	return s.read(ctx, s.db, sqlMine, account, s.now())
}
