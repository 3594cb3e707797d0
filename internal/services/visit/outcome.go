package visit

import (
	"context"
	"fmt"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/text"
)

// Finish ends a visit that took place; outcome is a word of the day list.
func (s *Service) Finish(ctx context.Context, cmd casework.Command, visitID int64, outcome string) error {
	v, _, err := s.before(ctx, visitID)
	if err != nil {
		return err
	}
	return s.settle(ctx, cmd, "visit.finish", v, func(ctx context.Context, tx *casework.Tx, v Visit, f casework.File) error {
		return s.finishIn(ctx, tx, v, f, outcome)
	})
}

func (s *Service) finishIn(ctx context.Context, tx *casework.Tx, v Visit, f casework.File, outcome string) error {
	if _, err := tx.Exec(ctx, sqlSetOutcome, v.ID, outcome); err != nil {
		return fmt.Errorf("finish visit %d: %w", v.ID, err)
	}
	_, err := tx.Move(ctx, Life(), f, casework.Move{Event: finish, Detail: map[string]any{"outcome": outcome}})
	return err
}

// Outcomes lists how a visit that took place may have gone.
func Outcomes() []string { return []string{"normal", "shortened", "detainee_refused"} }

// Missed notes that nobody came. It costs the week's right unless excused.
func (s *Service) Missed(ctx context.Context, cmd casework.Command, visitID int64) error {
	v, h, err := s.before(ctx, visitID)
	if err != nil {
		return err
	}
	return s.settle(ctx, cmd, "visit.miss", v, func(ctx context.Context, tx *casework.Tx, v Visit, f casework.File) error {
		if tx.Now().Before(v.Ends) {
			return fault.Conflict("visit.not_over", nil)
		}
		if _, err := tx.Move(ctx, Life(), f, casework.Move{Event: miss}); err != nil {
			return err
		}
		tell(tx, h, v, "visit.sms.missed", text.Params{"phone": h.Phone}, message.Outbound{
			Class: message.Information, Expires: tx.Now().Add(24 * time.Hour), Proactive: true,
		})
		return nil
	})
}

// correctFor is how long an outcome may be set right.
const correctFor = 7 * 24 * time.Hour

// MayCorrect tells whether an outcome may still be set right.
func (v Visit) MayCorrect(now time.Time) bool {
	return (v.State == NoShow || v.State == Done) && !now.After(v.Ends.Add(correctFor))
}

// MayMiss tells whether it may be noted that nobody came.
func (v Visit) MayMiss(now time.Time) bool { return v.State == Booked && !now.Before(v.Ends) }

// ExcuseReasons lists why a missed visit costs no right.
func ExcuseReasons() []string { return []string{"illness", "mourning", "transport", "house_incident"} }

// CorrectReasons lists why an outcome was wrong.
func CorrectReasons() []string { return []string{"wrong_row", "seen_inside", "not_seen"} }

// Excuse gives the rights of a missed visit back.
func (s *Service) Excuse(ctx context.Context, cmd casework.Command, visitID int64, reason string) error {
	v, _, err := s.before(ctx, visitID)
	if err != nil {
		return err
	}
	return s.settle(ctx, cmd, "visit.excuse", v, func(ctx context.Context, tx *casework.Tx, v Visit, f casework.File) error {
		if _, err := tx.Exec(ctx, sqlSetExcused, v.ID, true); err != nil {
			return fmt.Errorf("excuse visit %d: %w", v.ID, err)
		}
		_, err := tx.Move(ctx, Life(), f, casework.Move{Event: excuse, Reason: reason})
		return err
	})
}

// Correct turns a missed visit into one that took place or the other way
// round, within a week and by another person than who noted it.
func (s *Service) Correct(ctx context.Context, cmd casework.Command, visitID int64, reason, note string) error {
	v, _, err := s.before(ctx, visitID)
	if err != nil {
		return err
	}
	return s.settle(ctx, cmd, "visit.correct", v, func(ctx context.Context, tx *casework.Tx, v Visit, f casework.File) error {
		if tx.Now().After(v.Ends.Add(correctFor)) {
			return fault.Conflict("visit.too_late_to_correct", nil)
		}
		var same bool
		if err := tx.QueryRow(ctx, sqlNotedBy, v.ID, cmd.Actor.ID).Scan(&same); err != nil {
			return fmt.Errorf("who noted visit %d: %w", v.ID, err)
		}
		if same {
			return fault.Forbidden("visit.second_person", nil)
		}
		_, err := tx.Move(ctx, Life(), f, casework.Move{Event: correct, Reason: reason, Note: note})
		return err
	})
}
