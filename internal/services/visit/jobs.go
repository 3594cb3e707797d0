package visit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/schedule"
	"github.com/wasl-sms/wasl/internal/text"
)

// Jobs lists what visits need done by the clock.
func (s *Service) Jobs() []schedule.Job {
	return []schedule.Job{
		{Name: "visit.generate", Spec: "20 1 * * *", Do: func(ctx context.Context, _ schedule.Run) error {
			_, err := s.Generate(ctx)
			return err
		}},
		{Name: "visit.expire", Spec: "*/20 * * * * *", Do: func(ctx context.Context, _ schedule.Run) error { return s.ExpireHolds(ctx) }},
		{Name: "visit.nudge", Spec: "*/20 * * * * *", Do: func(ctx context.Context, _ schedule.Run) error { return s.NudgeHolds(ctx) }},
		{Name: "visit.close", Spec: "*/10 * * * * *", Do: func(ctx context.Context, _ schedule.Run) error { return s.RunClosures(ctx) }},
		{Name: "visit.remind", Spec: "*/10 * * * *", Do: func(ctx context.Context, _ schedule.Run) error { return s.Remind(ctx) }},
		{Name: "visit.settle", Spec: "*/15 * * * *", Do: func(ctx context.Context, _ schedule.Run) error { return s.SettlePast(ctx) }},
		{Name: "visit.lapse", Spec: "*/15 * * * *", Do: func(ctx context.Context, _ schedule.Run) error { return s.LapseRequests(ctx) }},
		{Name: "visit.pools", Spec: "5 * * * *", Do: func(ctx context.Context, _ schedule.Run) error { return s.ReleasePools(ctx) }},
		{Name: "visit.verify", Spec: "40 2 * * *", Do: func(ctx context.Context, _ schedule.Run) error { return VerifyCounters(ctx, s.db) }},
	}
}

func timer(name string, visitID int64) casework.Command {
	return casework.Command{
		Actor: casework.Actor{Kind: casework.Job, Role: name}, Channel: "job", Key: fmt.Sprintf("%s/%d", name, visitID),
	}
}

// ExpireHolds takes back the places of holds that have run out. Any number of
// processes may sweep at once; what one is at is passed over by the others.
func (s *Service) ExpireHolds(ctx context.Context) error {
	ids, err := s.ids(ctx, sqlDueHolds, s.now())
	if err != nil {
		return err
	}
	for _, id := range ids {
		err := s.do(ctx, timer("visit.expire", id), "visit.expire", nil, func(ctx context.Context, tx *casework.Tx) error {
			found, err := s.read(ctx, tx, sqlTakeDueHold, id, tx.Now())
			if err != nil {
				return err
			}
			if len(found) == 0 {
				return errPassedOver
			}
			if err := lockFamily(ctx, tx.Tx, Ask{Account: found[0].AccountID}, found...); err != nil {
				return err
			}
			if err := lockPlaces(ctx, tx.Tx, found...); err != nil {
				return err
			}
			return s.drop(ctx, tx, found[0], expire, nil)
		})
		if err != nil && !errors.Is(err, errPassedOver) {
			return fmt.Errorf("expire hold %d: %w", id, err)
		}
	}
	return nil
}

// errPassedOver undoes a sweep's command on a hold that someone is at.
var errPassedOver = errors.New("someone is at this hold")

// NudgeHolds tells, once, those whose dialogue must have ended that their place is still kept.
func (s *Service) NudgeHolds(ctx context.Context) error {
	due, err := s.read(ctx, s.db, sqlDueNudges, s.now())
	if err != nil {
		return err
	}
	houses := map[int64]house{}
	for _, v := range due {
		h, err := s.houseOnce(ctx, houses, v.EstablishmentID)
		if err != nil {
			return err
		}
		after := time.Duration(h.Rules.HoldAfterDialogueMinutes) * time.Minute
		if v.HoldExpiresAt.Sub(s.now()) > after {
			continue
		}
		err = s.do(ctx, timer("visit.nudge", v.ID), "visit.nudge", nil, func(ctx context.Context, tx *casework.Tx) error {
			tag, err := tx.Exec(ctx, sqlNudged, v.ID, tx.Now())
			if err != nil || tag.RowsAffected() == 0 {
				return err
			}
			return s.question(ctx, tx, h, v, "visit.sms.held", text.Params{"until": v.HoldExpiresAt.In(h.Zone)},
				message.Outbound{Expires: *v.HoldExpiresAt}, EntryHold)
		})
		if err != nil {
			return fmt.Errorf("nudge hold %d: %w", v.ID, err)
		}
	}
	return nil
}

func (s *Service) houseOnce(ctx context.Context, known map[int64]house, id int64) (house, error) {
	if h, ok := known[id]; ok {
		return h, nil
	}
	h, err := s.house(ctx, id)
	if err == nil {
		known[id] = h
	}
	return h, err
}

// Hours of the day, by the establishment's clock, from which reminders go out.
const (
	remindAhead = 10
	remindToday = 6
)

// Remind asks families some days before a visit whether they will come, and
// gives the code again on the day itself. Each reminder is sent once.
func (s *Service) Remind(ctx context.Context) error {
	houses := map[int64]house{}
	for after := int64(0); ; {
		due, err := s.read(ctx, s.db, sqlDueReminders, s.now(), after)
		if err != nil || len(due) == 0 {
			return err
		}
		after = due[len(due)-1].ID
		var send []Visit
		var days []int32
		for _, v := range due {
			h, err := s.houseOnce(ctx, houses, v.EstablishmentID)
			if err != nil {
				return err
			}
			if n, ok := h.remindNow(v, s.now()); ok {
				send, days = append(send, v), append(days, int32(n))
			}
		}
		if len(send) == 0 {
			continue
		}
		cmd := timer("visit.remind", send[0].ID)
		cmd.Key += fmt.Sprintf("/%d/%d", days[0], s.now().Unix())
		err = s.do(ctx, cmd, "visit.remind", nil, func(ctx context.Context, tx *casework.Tx) error {
			return s.remind(ctx, tx, houses, send, days)
		})
		if err != nil {
			return fmt.Errorf("remind: %w", err)
		}
	}
}

// remindNow gives the days before the visit for which a reminder is due.
func (h house) remindNow(v Visit, now time.Time) (int, bool) {
	local := now.In(h.Zone)
	left := int(v.Day.Sub(civil(local)) / (24 * time.Hour))
	if !slices.Contains(h.Rules.RemindDays, left) || !now.Before(v.Starts) {
		return 0, false
	}
	from := remindAhead
	if left == 0 {
		from = remindToday
	}
	return left, local.Hour() >= from
}

func (s *Service) remind(ctx context.Context, tx *casework.Tx, houses map[int64]house, send []Visit, days []int32) error {
	rows, err := tx.Query(ctx, sqlReminded, ids(send), days)
	if err != nil {
		return fmt.Errorf("mark as reminded: %w", err)
	}
	marked, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("mark as reminded: %w", err)
	}
	for i, v := range send {
		if !slices.Contains(marked, v.ID) { // cancelled or reminded meanwhile
			continue
		}
		h := houses[v.EstablishmentID]
		m := message.Outbound{Class: message.Information, Expires: v.Starts, Dedupe: fmt.Sprintf("remind-%d", days[i])}
		if days[i] == 0 {
			tell(tx, h, v, "visit.sms.today", text.Params{"code": text.Ref(v.Code)}, m)
		} else {
			err := s.question(ctx, tx, h, v, "visit.sms.reminder", nil, m, EntryReminder)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// SettlePast ends what nobody ended: visitors who were let in have had their
// visit, families who were not seen have missed theirs.
func (s *Service) SettlePast(ctx context.Context) error {
	due, err := s.read(ctx, s.db, sqlPast, s.now())
	if err != nil {
		return err
	}
	houses := map[int64]house{}
	for _, v := range due {
		h, err := s.houseOnce(ctx, houses, v.EstablishmentID)
		if err != nil {
			return err
		}
		if s.now().Before(v.Ends.Add(time.Duration(h.Rules.NoShowGraceMinutes) * time.Minute)) {
			continue
		}
		if v.State == CheckedIn {
			err = s.Finish(ctx, timer("visit.finish", v.ID), v.ID, "normal")
		} else {
			err = s.Missed(ctx, timer("visit.miss", v.ID), v.ID)
		}
		if err != nil && fault.KindOf(err) != fault.KindConflict { // staff were quicker
			return fmt.Errorf("settle visit %d: %w", v.ID, err)
		}
	}
	return nil
}

// ReleasePools gives the unused places of kept-back pools to the public.
func (s *Service) ReleasePools(ctx context.Context) error {
	if _, err := s.db.Exec(ctx, sqlReleasePools, civil(s.now().UTC())); err != nil {
		return fmt.Errorf("release pools: %w", err)
	}
	return nil
}

func (s *Service) ids(ctx context.Context, sql string, args ...any) ([]int64, error) {
	rows, err := s.db.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("list visits: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("list visits: %w", err)
	}
	return all, nil
}
