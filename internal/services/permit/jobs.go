package permit

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/schedule"
	"github.com/wasl-sms/wasl/internal/text"
)

// Jobs lists what the service does by the clock. Each run may be repeated: what
// is done already is not done again, and what a stopped clock missed is done
// by the next run.
func (s *Service) Jobs() []schedule.Job {
	at := func(do func(context.Context, time.Time) error) func(context.Context, schedule.Run) error {
		return func(ctx context.Context, _ schedule.Run) error { return do(ctx, s.now()) }
	}
	return []schedule.Job{
		{Name: "permit.alarms", Spec: "*/15 * * * *", Do: at(s.Alarms)},
		{Name: "permit.lapses", Spec: "10 8 * * *", Do: at(s.Lapses)},
		{Name: "permit.endings", Spec: "20 8 * * *", Do: at(s.Endings)},
	}
}

// atOnce bounds how many cases a job reads at a time.
const atOnce = 500

func jobCommand(job, verb string, id int64, occasion string) casework.Command {
	return casework.Command{
		Actor: casework.Actor{Kind: casework.Job, Role: job}, Channel: "job",
		Key: fmt.Sprintf("%s/%d/%s", verb, id, occasion), Verb: verb,
	}
}

// found is a case as a job saw it; by the time it acts the case may have moved on.
type found struct {
	ID      int64
	Version int
}

// each runs one command for every case that a query finds; a case that has
// moved since is left alone.
func (s *Service) each(ctx context.Context, sql, job, verb string, at time.Time, do func(context.Context, *casework.Tx, casework.File) error) error {
	for {
		rows, err := s.db.Query(ctx, sql, at, atOnce)
		if err != nil {
			return fmt.Errorf("%s: %w", verb, err)
		}
		all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[found])
		if err != nil {
			return fmt.Errorf("%s: %w", verb, err)
		}
		for _, c := range all { // one transaction a case: a failure must not hold the others
			_, err := s.book.Do(ctx, jobCommand(job, verb, c.ID, strconv.Itoa(c.Version)), nil, func(ctx context.Context, tx *casework.Tx) error {
				f, err := tx.Read(ctx, c.ID)
				if err != nil || f.Version != c.Version {
					return err
				}
				return do(ctx, tx, f)
			})
			if err != nil {
				return fmt.Errorf("%s: case %d: %w", verb, c.ID, err)
			}
		}
		if len(all) < atOnce {
			return nil
		}
	}
}

type dueCase struct {
	ID          int64
	Version     int
	Ref         string
	AccountID   int64
	Country     string
	DueAt       time.Time
	AuthorityID *int64
	ParentID    *int64
}

// Alarms marks requests and appeals whose clock is nearly or wholly used. When
// a date is missed the family hears of the delay and of a new date, half the
// time again; so too when that one is missed.
func (s *Service) Alarms(ctx context.Context, at time.Time) error {
	for {
		rows, err := s.db.Query(ctx, sqlDueForAlarm, at, atOnce)
		if err != nil {
			return fmt.Errorf("requests due: %w", err)
		}
		due, err := pgx.CollectRows(rows, pgx.RowToStructByPos[dueCase])
		if err != nil {
			return fmt.Errorf("requests due: %w", err)
		}
		for _, c := range due { // one transaction a case, as above
			if err := s.alarm(ctx, c, at); err != nil {
				return err
			}
		}
		if len(due) < atOnce {
			return nil
		}
	}
}

func (s *Service) alarm(ctx context.Context, c dueCase, at time.Time) error {
	level, due := int16(80), c.DueAt
	if !c.DueAt.After(at) {
		var err error
		if due, err = s.later(ctx, c, at); err != nil {
			return err
		}
		level = 100
	}
	occasion := fmt.Sprintf("%d/%d/%d", level, c.Version, c.DueAt.Unix())
	_, err := s.book.Do(ctx, jobCommand("due", "permit.alarm", c.ID, occasion), nil, func(ctx context.Context, tx *casework.Tx) error {
		tag, err := tx.Exec(ctx, sqlSetAlarm, c.ID, c.Version, c.DueAt, level, due)
		if err != nil {
			return fmt.Errorf("mark case %d: %w", c.ID, err)
		}
		if tag.RowsAffected() == 0 {
			return nil // decided meanwhile
		}
		tx.Audit(casework.Entry{
			Action: "permit.alarm", ObjectKind: RequestLife().Name, ObjectID: c.ID,
			Detail: map[string]any{"percent": level, "authority": c.AuthorityID, "parent": c.ParentID},
		})
		if level == 100 {
			tx.Tell(message.Outbound{
				Account: c.AccountID, Class: message.Decision, CaseID: c.ID, Dedupe: "late-" + c.DueAt.UTC().Format(time.DateOnly),
				Line: text.L("permit.late", text.Params{"ref": text.Ref(c.Ref), "due": due}),
			})
		}
		return nil
	})
	return err
}

// later gives the date that replaces a missed one.
func (s *Service) later(ctx context.Context, c dueCase, at time.Time) (time.Time, error) {
	rules, err := s.places.CountryRules(ctx, c.Country, at)
	if err != nil {
		return time.Time{}, err
	}
	calendar, err := s.places.CountryCalendar(ctx, c.Country, at)
	if err != nil {
		return time.Time{}, err
	}
	return calendar.Due(at, (rules.PermitWorkingDays+1)/2)
}

// Lapses closes requests to which the family never gave what was asked for,
// and reminds it half way.
func (s *Service) Lapses(ctx context.Context, at time.Time) error {
	err := s.each(ctx, sqlUnanswered, "lapse", "permit.lapse", at, func(ctx context.Context, tx *casework.Tx, f casework.File) error {
		f, err := tx.Move(ctx, RequestLife(), f, casework.Move{Event: "lapse", Reason: "no_answer"})
		if err != nil {
			return err
		}
		tx.Tell(message.Outbound{
			Account: f.AccountID, Class: message.Decision, CaseID: f.ID, Dedupe: "lapsed",
			Line: text.L("permit.lapsed", text.Params{"ref": text.Ref(f.Ref)}),
		})
		return tx.Assign(ctx, f, f.AuthorityID, f.EstablishmentID, nil, nil)
	})
	if err != nil {
		return err
	}
	return s.each(ctx, sqlHalfAnswered, "lapse", "permit.remind", at, func(ctx context.Context, tx *casework.Tx, f casework.File) error {
		var until time.Time
		var unclear bool
		if err := tx.QueryRow(ctx, sqlReminded, f.ID).Scan(&until, &unclear); err != nil {
			return fmt.Errorf("mark as reminded: %w", err)
		}
		key := text.Key("permit.paper_reminder")
		if unclear {
			key = "permit.correct_reminder"
		}
		tx.Tell(message.Outbound{
			Account: f.AccountID, Class: message.Information, CaseID: f.ID, Dedupe: fmt.Sprintf("reminder-%d", f.Version), Proactive: true,
			Line: text.L(key, text.Params{"ref": text.Ref(f.Ref), "until": until}),
		})
		return nil
	})
}

// Endings ends permits past their last day or used up, and warns of those that
// end soon.
func (s *Service) Endings(ctx context.Context, at time.Time) error {
	err := s.each(ctx, sqlUsedUp, "expiry", "permit.exhaust", at, func(ctx context.Context, tx *casework.Tx, f casework.File) error {
		if _, err := tx.Move(ctx, Life(), f, casework.Move{Event: "exhaust"}); err != nil {
			return err
		}
		tx.Tell(message.Outbound{
			Account: f.AccountID, Class: message.Information, CaseID: f.ID, Dedupe: "used_up", Proactive: true,
			Line: text.L("permit.used_up", text.Params{"number": text.Ref(f.Ref)}),
		})
		return nil
	})
	if err != nil {
		return err
	}
	err = s.each(ctx, sqlEnded, "expiry", "permit.expire", at, func(ctx context.Context, tx *casework.Tx, f casework.File) error {
		_, err := tx.Move(ctx, Life(), f, casework.Move{Event: "expire"})
		return err
	})
	if err != nil {
		return err
	}
	return s.warn(ctx, at)
}

type ending struct {
	ID, AccountID int64
	Ref           string
	ValidTo       time.Time
}

func (s *Service) warn(ctx context.Context, at time.Time) error {
	rules, err := s.places.DefaultRules(ctx, at)
	if err != nil {
		return err
	}
	for {
		rows, err := s.db.Query(ctx, sqlEnding, rules.PermitWarnDays, at, atOnce)
		if err != nil {
			return fmt.Errorf("permits ending: %w", err)
		}
		all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ending])
		if err != nil {
			return fmt.Errorf("permits ending: %w", err)
		}
		if len(all) == 0 {
			return nil
		}
		if err := s.warnOf(ctx, at, all); err != nil {
			return err
		}
		if len(all) < atOnce {
			return nil
		}
	}
}

// warnOf warns of a batch in one command; those another process took are left out.
func (s *Service) warnOf(ctx context.Context, at time.Time, all []ending) error {
	day := at.Format(time.DateOnly)
	ids := make([]int64, len(all))
	for i, p := range all {
		ids[i] = p.ID
	}
	cmd := jobCommand("expiry", "permit.warn", ids[0], fmt.Sprintf("%d/%s", ids[len(ids)-1], day))
	_, err := s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		rows, err := tx.Query(ctx, sqlWarned, ids, at)
		if err != nil {
			return fmt.Errorf("mark as warned: %w", err)
		}
		marked, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return fmt.Errorf("mark as warned: %w", err)
		}
		mine := make(map[int64]bool, len(marked))
		for _, id := range marked {
			mine[id] = true
		}
		for _, p := range all {
			if mine[p.ID] {
				tx.Tell(message.Outbound{
					Account: p.AccountID, Class: message.Information, CaseID: p.ID, Dedupe: "ending-" + day, Proactive: true,
					Line: text.L("permit.expiring", text.Params{"number": text.Ref(p.Ref), "until": p.ValidTo}),
				})
			}
		}
		return nil
	})
	return err
}
