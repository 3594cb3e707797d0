package permit

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/schedule"
	"github.com/wasl-sms/wasl/internal/text"
)

// atOnce bounds what one run of a job takes; the rest waits for the next run.
const atOnce = 500

func jobCommand(job, verb string, id int64, occasion string) casework.Command {
	return casework.Command{Actor: casework.Actor{Kind: casework.Job, Role: job}, Channel: "job",
		Key: fmt.Sprintf("%s/%d/%s", verb, id, occasion), Verb: verb}
}

type dueCase struct {
	ID              int64
	Version         int
	AccountID       int64
	Ref             string
	CreatedAt       time.Time
	DueAt           time.Time
	Alarm           int16
	AuthorityID     *int64
	ParentID        *int64
	EstablishmentID *int64
}

// Alarms marks requests whose clock is nearly or wholly used. At the end of the
// clock the family hears of the delay and of a new date: half the time again.
func (s *Service) Alarms(ctx context.Context, at time.Time) error {
	rows, err := s.db.Query(ctx, sqlDueForAlarm, at, atOnce)
	if err != nil {
		return fmt.Errorf("requests due: %w", err)
	}
	due, err := pgx.CollectRows(rows, pgx.RowToStructByPos[dueCase])
	if err != nil {
		return fmt.Errorf("requests due: %w", err)
	}
	for _, c := range due { // one transaction a case: a late one must not hold the others
		if err := s.alarm(ctx, c, at); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) alarm(ctx context.Context, c dueCase, at time.Time) error {
	level, due := int16(80), c.DueAt
	if !c.DueAt.After(at) {
		level, due = 100, at.Add(c.DueAt.Sub(c.CreatedAt)/2)
	}
	_, err := s.book.Do(ctx, jobCommand("due", "permit.alarm", c.ID, fmt.Sprintf("%d/%d", level, c.Version)), nil, func(ctx context.Context, tx *casework.Tx) error {
		tag, err := tx.Exec(ctx, sqlSetAlarm, c.ID, c.Version, level, due)
		if err != nil {
			return fmt.Errorf("mark case %d: %w", c.ID, err)
		}
		if tag.RowsAffected() == 0 {
			return nil // decided meanwhile
		}
		tx.Audit(casework.Entry{Action: "permit.alarm", ObjectKind: "permit_request", ObjectID: c.ID, Detail: map[string]any{"percent": level, "parent": c.ParentID}})
		if level == 100 {
			tx.Tell(message.Outbound{Account: c.AccountID, Class: message.Decision, CaseID: c.ID, Dedupe: fmt.Sprintf("late-%d", c.Version),
				Line: text.L("permit.late", text.Params{"ref": text.Ref(c.Ref), "due": due})})
		}
		return nil
	})
	return err
}

// Lapses closes requests whose paper never came, and reminds at half time.
func (s *Service) Lapses(ctx context.Context, at time.Time) error {
	ids, err := s.ids(ctx, sqlUnanswered, at, atOnce)
	if err != nil {
		return fmt.Errorf("requests unanswered: %w", err)
	}
	for _, id := range ids {
		if err := s.lapse(ctx, id); err != nil {
			return err
		}
	}
	return s.remind(ctx, at)
}

func (s *Service) lapse(ctx context.Context, id int64) error {
	_, err := s.book.Do(ctx, jobCommand("lapse", "permit.lapse", id, "lapse"), nil, func(ctx context.Context, tx *casework.Tx) error {
		f, err := tx.Read(ctx, id)
		if err != nil || f.State != InfoNeeded {
			return err
		}
		if f, err = tx.Move(ctx, RequestLife(), f, casework.Move{Event: "lapse", Reason: "no_answer"}); err != nil {
			return err
		}
		tx.Tell(message.Outbound{Account: f.AccountID, Class: message.Decision, CaseID: id, Dedupe: "lapsed",
			Line: text.L("permit.lapsed", text.Params{"ref": text.Ref(f.Ref)})})
		return tx.Assign(ctx, f, f.AuthorityID, f.EstablishmentID, nil, nil)
	})
	return err
}

func (s *Service) remind(ctx context.Context, at time.Time) error {
	rules, err := s.places.DefaultRules(ctx, at)
	if err != nil {
		return err
	}
	rows, err := s.db.Query(ctx, sqlHalfAnswered, at.AddDate(0, 0, rules.PermitPaperDays/2), atOnce)
	if err != nil {
		return fmt.Errorf("requests half answered: %w", err)
	}
	type waiting struct {
		ID, AccountID int64
		Ref           string
		AnswerBy      time.Time
		Version       int
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[waiting])
	if err != nil {
		return fmt.Errorf("requests half answered: %w", err)
	}
	for _, c := range all {
		_, err := s.book.Do(ctx, jobCommand("lapse", "permit.remind", c.ID, fmt.Sprint(c.Version)), nil, func(_ context.Context, tx *casework.Tx) error {
			tx.Tell(message.Outbound{Account: c.AccountID, Class: message.Information, CaseID: c.ID, Dedupe: fmt.Sprintf("paper-%d", c.Version), Proactive: true,
				Line: text.L("permit.paper_reminder", text.Params{"ref": text.Ref(c.Ref), "until": c.AnswerBy})})
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Endings expires permits past their last day and warns of those that end soon.
func (s *Service) Endings(ctx context.Context, at time.Time) error {
	ids, err := s.ids(ctx, sqlEnded, at, atOnce)
	if err != nil {
		return fmt.Errorf("permits ended: %w", err)
	}
	for _, id := range ids {
		_, err := s.book.Do(ctx, jobCommand("expiry", "permit.expire", id, "expire"), nil, func(ctx context.Context, tx *casework.Tx) error {
			f, err := tx.Read(ctx, id)
			if err != nil {
				return err
			}
			_, err = tx.Move(ctx, Life(), f, casework.Move{Event: "expire"})
			return err
		})
		if err != nil {
			return err
		}
	}
	return s.warn(ctx, at)
}

func (s *Service) warn(ctx context.Context, at time.Time) error {
	rules, err := s.places.DefaultRules(ctx, at)
	if err != nil {
		return err
	}
	var days []time.Time
	for _, n := range rules.PermitWarnDays {
		days = append(days, at.AddDate(0, 0, n))
	}
	rows, err := s.db.Query(ctx, sqlEnding, days, at, atOnce)
	if err != nil {
		return fmt.Errorf("permits ending: %w", err)
	}
	type ending struct {
		ID, AccountID int64
		Ref           string
		ValidTo       time.Time
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ending])
	if err != nil || len(all) == 0 {
		return err
	}
	day := at.Format(time.DateOnly)
	_, err = s.book.Do(ctx, jobCommand("expiry", "permit.warn", all[0].ID, fmt.Sprintf("%s/%d", day, all[len(all)-1].ID)), nil, func(ctx context.Context, tx *casework.Tx) error {
		ids := make([]int64, len(all))
		for i, p := range all {
			ids[i] = p.ID
			tx.Tell(message.Outbound{Account: p.AccountID, Class: message.Information, CaseID: p.ID, Dedupe: "ending-" + day, Proactive: true,
				Line: text.L("permit.expiring", text.Params{"number": text.Ref(p.Ref), "until": p.ValidTo})})
		}
		_, err := tx.Exec(ctx, sqlWarned, ids, at)
		return err
	})
	return err
}

func (s *Service) ids(ctx context.Context, sql string, args ...any) ([]int64, error) {
	rows, err := s.db.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// Jobs lists what the service does by the clock. Each run may be repeated: what
// is done already is not done again.
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
