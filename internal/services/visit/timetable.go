package visit

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/postgres"
)

// Template is a session that comes back every week or every few weeks.
type Template struct {
	ID              int64
	EstablishmentID int64
	Room            string
	Kind            string // "contact", "separated", "official", "basket", "video"
	Weekday         time.Weekday
	Starts, Ends    string // "09:00", by the establishment's clock
	EveryWeeks      int
	ValidFrom       time.Time
	ValidTo         *time.Time
	CapacityGroups  int
	CapacityHeads   int
	Sectors         []string
	SectorsOut      []string
	Categories      []string
	Statuses        string // "all", "remand", "convicted"
	OnRequest       bool   // the establishment answers each wish
	Pools           []TemplatePool
}

// TemplatePool keeps places back for some families until shortly before.
type TemplatePool struct {
	Pool        string
	Places      int
	ReleaseDays int
}

// AddTemplate stores a session and generates its occurrences. It gives the
// template's id.
func (s *Service) AddTemplate(ctx context.Context, cmd casework.Command, t Template) (int64, error) {
	if t.EveryWeeks == 0 {
		t.EveryWeeks = 1
	}
	if t.Statuses == "" {
		t.Statuses = "all"
	}
	h, err := s.house(ctx, t.EstablishmentID)
	if err != nil {
		return 0, err
	}
	var id int64
	err = s.do(ctx, cmd, "timetable.add", &id, func(ctx context.Context, tx *casework.Tx) error {
		err := tx.QueryRow(ctx, sqlAddTemplate, t.EstablishmentID, t.Room, t.Kind, int16(t.Weekday), t.Starts, t.Ends,
			t.EveryWeeks, t.ValidFrom, t.ValidTo, t.CapacityGroups, t.CapacityHeads, list(t.Sectors), list(t.SectorsOut),
			list(t.Categories), t.Statuses, t.OnRequest).Scan(&id)
		if postgres.Violated(err) != "" {
			return fault.Invalid("visit.bad_template", nil).With(err)
		}
		if err != nil {
			return fmt.Errorf("add session: %w", err)
		}
		for _, p := range t.Pools { // a handful
			if _, err := tx.Exec(ctx, sqlAddTemplatePool, id, p.Pool, p.Places, p.ReleaseDays); err != nil {
				return fmt.Errorf("keep places back: %w", err)
			}
		}
		today := civil(tx.Now().In(h.Zone))
		if _, err := generate(ctx, tx, []int64{id}, today, today.AddDate(0, 0, h.Rules.BookToDays+horizon)); err != nil {
			return err
		}
		tx.Audit(casework.Entry{Action: "timetable.add", ObjectKind: "session_template", ObjectID: id})
		return nil
	})
	return id, err
}

// EndTemplate lets a session come no more after a day. Occurrences after it
// that nobody ever booked are taken away; kept tells how many remain and have to be
// closed.
func (s *Service) EndTemplate(ctx context.Context, cmd casework.Command, id int64, last time.Time) (kept int, err error) {
	err = s.do(ctx, cmd, "timetable.end", &kept, func(ctx context.Context, tx *casework.Tx) error {
		batch := &pgx.Batch{}
		batch.Queue(sqlEndTemplate, id, last)
		batch.Queue(sqlDropPools, id, last)
		batch.Queue(sqlDropOccurrences, id, last)
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("end session %d: %w", id, err)
		}
		if err := tx.QueryRow(ctx, sqlLeftOver, id, last).Scan(&kept); err != nil {
			return fmt.Errorf("end session %d: %w", id, err)
		}
		tx.Audit(casework.Entry{
			Action: "timetable.end", ObjectKind: "session_template", ObjectID: id,
			Detail: map[string]any{"last": last.Format(time.DateOnly)},
		})
		return nil
	})
	return kept, err
}

// horizon is how many days beyond the furthest bookable one occurrences exist.
const horizon = 7

// Generate makes the occurrences of every session up to the horizon and tells
// how many were missing. It may run any number of times, anywhere at once.
func (s *Service) Generate(ctx context.Context) (int, error) {
	today := civil(s.now().UTC())
	return generate(ctx, s.db, nil, today, today.AddDate(0, 0, furthest+horizon))
}

// furthest bounds every establishment's booking window.
const furthest = 28

func generate(ctx context.Context, q querier, templates []int64, from, to time.Time) (int, error) {
	var made int
	if err := q.QueryRow(ctx, sqlGenerate, templates, from, to).Scan(&made); err != nil {
		return 0, fmt.Errorf("generate occurrences: %w", err)
	}
	return made, nil
}

// SetCapacity changes the places of one occurrence; the public pool grows or
// shrinks with it. Fewer than are taken is refused.
func (s *Service) SetCapacity(ctx context.Context, cmd casework.Command, occurrence int64, version, groups, heads int) error {
	cmd.Verb = "timetable.capacity"
	_, err := s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		tag, err := tx.Exec(ctx, sqlSetCapacity, occurrence, version, groups, heads)
		if why := constraints[postgres.Violated(err)]; why == Full {
			return fault.Conflict("visit.capacity_taken", nil).With(err)
		}
		if postgres.Violated(err) == "occurrence_pool_places_check" {
			return fault.Conflict("visit.capacity_taken", nil).With(err)
		}
		if err != nil {
			return fmt.Errorf("set capacity of occurrence %d: %w", occurrence, err)
		}
		if tag.RowsAffected() == 0 {
			return fault.Conflict("case.changed", nil)
		}
		tx.Audit(casework.Entry{
			Action: "timetable.capacity", ObjectKind: "occurrence", ObjectID: occurrence,
			Detail: map[string]any{"groups": groups, "heads": heads},
		})
		return nil
	})
	return err
}

// GrantExtra authorises one more visit in a detainee's week beyond the rule.
func (s *Service) GrantExtra(ctx context.Context, cmd casework.Command, detainee int64, day time.Time, kind, reason string) error {
	var id int64
	if err := s.db.QueryRow(ctx, sqlDetaineeHouse, detainee).Scan(&id); err != nil {
		return fmt.Errorf("find the house: %w", err)
	}
	h, err := s.house(ctx, id)
	if err != nil {
		return err
	}
	return s.do(ctx, cmd, "visit.extra", nil, func(ctx context.Context, tx *casework.Tx) error {
		week := weekOf(day, h.Frame.WeekStart)
		if _, err := tx.Exec(ctx, sqlExtra, detainee, week, kind, h.Rules.VisitsPerWeek["convicted"]); err != nil {
			return fmt.Errorf("authorise an extra visit: %w", err)
		}
		tx.Audit(casework.Entry{
			Action: "visit.extra", ObjectKind: "detainee", ObjectID: detainee, Reason: reason,
			Detail: map[string]any{"week": week.Format(time.DateOnly), "kind": kind},
		})
		return nil
	})
}

// list makes no list an empty one, which is what the columns hold.
func list(words []string) []string {
	if words == nil {
		return []string{}
	}
	return words
}
